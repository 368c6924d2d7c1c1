#!lua
-- Nobody's number any more; not where it moves, or has moved.
-- KEYS[1] number:{17}:<number>   ARGV[1] the pool that it was in
-- Returns {"ok"} or {"elsewhere"}.
local pool, to = unpack(redis.call('HMGET', KEYS[1], 'pool', 'to'))
if (pool and pool ~= ARGV[1]) or to then return {'elsewhere'} end
redis.call('DEL', KEYS[1])
return {'ok'}
