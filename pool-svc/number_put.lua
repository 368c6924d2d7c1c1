#!lua
-- A number comes into its pool; one that is there already stays as it is.
-- KEYS[1] pool:{P}:numbers  KEYS[2] pool:{P}:index  KEYS[3] pool:{P}:about
-- KEYS[4] pool:{P}:settings  KEYS[5] pool:{P}:uses:<number>
-- KEYS[6] pool:{P}:closing
-- ARGV[1] number  ARGV[2] what it can: sms,voice  ARGV[3] state  ARGV[4] label
-- Returns {"ok", state, capabilities, label, rides that hold it, come} (come: 1
--   where it was not there), {"lacks", what the pool asks for} or {"closing"}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local there = redis.call('ZSCORE', KEYS[2], ARGV[1])
local takes = redis.call('ZSCORE', KEYS[1], ARGV[1])
local packed = redis.call('HGET', KEYS[3], ARGV[1])
local needs = redis.call('HGET', KEYS[4], 'capabilities') or 'sms,voice'
local closing = redis.call('EXISTS', KEYS[6]) == 1
local rides = redis.call('ZCOUNT', KEYS[5], string.format('(%.0f', now), '+inf')

-- {state, capabilities, label, last assigned (us)}
local x = packed and cmsgpack.unpack(packed) or
          {there and not takes and 'draining' or 'active', 'sms,voice', '', 0}
if not there then
  if closing then return {'closing'} end
  for need in string.gmatch(needs, '%a+') do
    if not string.find(ARGV[2], need, 1, true) then return {'lacks', need} end
  end
  x = {ARGV[3], ARGV[2], ARGV[4], 0}
end
redis.call('HSET', KEYS[3], ARGV[1], cmsgpack.pack(x))
redis.call('ZADD', KEYS[2], '0', ARGV[1])
-- Never assigned: it is the first to be.
if x[1] == 'active' then
  redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', x[4]), ARGV[1])
end
return {'ok', x[1], x[2], x[3], rides, there and 0 or 1}
