#!lua
-- What a pool is for stands fast from when it was made, as its numbers were
-- taken for it.
-- KEYS[1] pool:{P}:settings  KEYS[2] pool:{P}:closing   ARGV[1] capabilities
-- Returns {its capabilities}. One that was just closed begins anew.
if redis.call('DEL', KEYS[2]) == 1 then redis.call('DEL', KEYS[1]) end
redis.call('HSETNX', KEYS[1], 'capabilities', ARGV[1])
return {redis.call('HGET', KEYS[1], 'capabilities')}
