#!lua
-- What a pool is for stands fast from when it was made, as its numbers were
-- taken for it.
-- KEYS[1] pool:{P}:settings   ARGV[1] capabilities
-- Returns {its capabilities}.
redis.call('HDEL', KEYS[1], 'closing')
redis.call('HSETNX', KEYS[1], 'capabilities', ARGV[1])
redis.call('PERSIST', KEYS[1])
return {redis.call('HGET', KEYS[1], 'capabilities')}
