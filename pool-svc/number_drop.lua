#!lua
-- Nobody's number any more.
-- KEYS[1] number:{17}:<number>   ARGV[1] the pool that it was in
-- Returns {"ok"} or {"elsewhere"}.
local pool = redis.call('HGET', KEYS[1], 'pool')
if pool and pool ~= ARGV[1] then return {'elsewhere'} end
redis.call('DEL', KEYS[1])
return {'ok'}
