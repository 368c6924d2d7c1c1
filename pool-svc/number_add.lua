#!lua
-- A number is in one pool.
-- KEYS[1] number:{17}:<number>, a hash   ARGV[1] pool
-- Returns {"ok"} or {"elsewhere"}.
local pool = redis.call('HGET', KEYS[1], 'pool')
if pool and pool ~= ARGV[1] then return {'elsewhere'} end
redis.call('HSET', KEYS[1], 'pool', ARGV[1], 'state', 'active')
return {'ok'}
