#!lua
-- KEYS[1] {access}:account:<name>  KEYS[2] {access}:accounts
-- ARGV[1] name  ARGV[2] role  ARGV[3] password's hash  ARGV[4] who makes it
-- ARGV[5] the most accounts; 1: only where there is none, and never was one
-- KEYS[3] {access}:founded: there was one
-- Returns {"made"}, {"there"} or {"full"}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'there'} end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then return {'full'} end
if ARGV[5] == '1' and redis.call('EXISTS', KEYS[3]) == 1 then
  return {'full'}
end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('HSET', KEYS[1], 'role', ARGV[2], 'password', ARGV[3], 'made', now,
           'made_by', ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('SET', KEYS[3], '1')
return {'made'}
