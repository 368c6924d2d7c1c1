#!lua
-- Changes a number where it is, or only tells of it. One that drains takes no
-- new rides; those that it has go on.
-- KEYS[1] pool:{P}:numbers  KEYS[2] pool:{P}:index  KEYS[3] pool:{P}:about
-- KEYS[4] pool:{P}:uses:<number>
-- ARGV[1] number  ARGV[2] its new state, or '': as it is; what is not active is
--   not set aside  ARGV[3] 1: its label is to be ARGV[4]
-- Returns {"ok", state, capabilities, label, rides that hold it, changed} or
--   {"gone"}; changed: 1 where its state is a new one.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {'gone'} end
local takes = redis.call('ZSCORE', KEYS[1], ARGV[1])
local packed = redis.call('HGET', KEYS[3], ARGV[1])
local rides = redis.call('ZCOUNT', KEYS[4], string.format('(%.0f', now), '+inf')
local x = packed and cmsgpack.unpack(packed) or
          {takes and 'active' or 'draining', 'sms,voice', '', 0}
local state, relabel = ARGV[2], ARGV[3] == '1'
if state == '' or (state == 'set_aside' and x[1] ~= 'active') then
  state = x[1]
end
local changed = state ~= x[1]
if state ~= x[1] or (relabel and ARGV[4] ~= x[3]) then
  -- Back in its old place of the walk, not as one that was never assigned.
  if takes then x[4] = tonumber(takes) end
  x[1] = state
  if relabel then x[3] = ARGV[4] end
  redis.call('HSET', KEYS[3], ARGV[1], cmsgpack.pack(x))
end
if state == 'active' and not takes then
  redis.call('ZADD', KEYS[1], string.format('%.0f', x[4]), ARGV[1])
elseif state ~= 'active' and takes then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return {'ok', x[1], x[2], x[3], rides, changed and 1 or 0}
