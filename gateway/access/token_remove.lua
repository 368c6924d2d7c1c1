#!lua
-- KEYS[1] {access}:token:<id>  KEYS[2] {access}:tokens  ARGV[1] id
-- Returns how many there were of that id, and its name.
local name = redis.call('HGET', KEYS[1], 'name')
redis.call('ZREM', KEYS[2], ARGV[1])
return {redis.call('DEL', KEYS[1]), name or ''}
