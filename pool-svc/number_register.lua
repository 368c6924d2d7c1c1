#!lua
-- A number is in one pool.
-- KEYS[1] number:{17}:<number>, a hash   ARGV[1] pool
-- Returns {"ok"} or {"elsewhere"}.
local pool, to = unpack(redis.call('HMGET', KEYS[1], 'pool', 'to'))
if (pool and pool ~= ARGV[1]) or to then return {'elsewhere'} end
redis.call('HSET', KEYS[1], 'pool', ARGV[1])
return {'ok'}
