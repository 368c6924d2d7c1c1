#!lua
-- A number leaves its pool; only where nobody holds it.
-- KEYS and ARGV[1] as in number_edit.lua
-- Returns {"left"}, {"gone"} where it was not there, {"held", rides, until when
--   (ms)}, or {"kept"}: some have it for good.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {'gone'} end
local rides = redis.call('ZCOUNT', KEYS[4], string.format('(%.0f', now), '+inf')
local last = redis.call('ZRANGE', KEYS[4], -1, -1, 'WITHSCORES')[2]
local kept = redis.call('HGET', KEYS[3], 'kept ' .. ARGV[1])
if rides > 0 then
  return {'held', rides, string.format('%.0f', tonumber(last))}
end
if kept then return {'kept'} end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return {'left'}
