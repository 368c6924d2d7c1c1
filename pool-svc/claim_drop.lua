#!lua
-- Gives back a claim that no ride will use; a confirmed one stays.
-- KEYS and ARGV[1], ARGV[2] as in hold_set.lua. Returns {"ok"}.
local packed = redis.call('GET', KEYS[1])
local c = packed and cmsgpack.unpack(packed)
if not c or c[1] ~= ARGV[2] or c[4] > 0 then return {'ok'} end
local mine = redis.call('ZSCORE', KEYS[2], ARGV[1])
for i = 3, 4 do
  local held = redis.call('ZSCORE', KEYS[i], ARGV[2])
  if held and held == mine then redis.call('ZREM', KEYS[i], ARGV[2]) end
end
redis.call('ZREM', KEYS[2], ARGV[1])
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
if last then
  redis.call('ZADD', KEYS[5], last, ARGV[2])
else
  redis.call('ZREM', KEYS[5], ARGV[2])
end
redis.call('DEL', KEYS[1])
return {'ok'}
