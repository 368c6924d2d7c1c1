#!lua
-- KEYS[1] {access}:token:<id>  KEYS[2] {access}:tokens
-- ARGV[1] id  ARGV[2] name  ARGV[3] hash of its secret  ARGV[4] its scopes
-- ARGV[5] expires at (ms; 0: never)  ARGV[6] who makes it  ARGV[7] the most
-- Returns {"made", when}, {"full"} or {"past"}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local expires = tonumber(ARGV[5])
if expires > 0 and expires <= now then return {'past'} end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then return {'full'} end
local made = string.format('%.0f', now)
redis.call('HSET', KEYS[1], 'name', ARGV[2], 'hash', ARGV[3], 'scopes',
           ARGV[4], 'expires', ARGV[5], 'made', made, 'made_by', ARGV[6])
redis.call('ZADD', KEYS[2], made, ARGV[1])
return {'made', made}
