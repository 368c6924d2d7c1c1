#!lua
-- A share of what may come in the second that began with the first of them.
-- KEYS[1] {access}:pace:<who>  ARGV[1] the most in a second  ARGV[2] the share
-- Returns {how many, for so long (ms)}.
local SECOND_MS = 1000
local used = tonumber(redis.call('GET', KEYS[1]) or 0)
local most, share = tonumber(ARGV[1]), tonumber(ARGV[2])
if used >= most then return {0, math.max(redis.call('PTTL', KEYS[1]), 1)} end
share = math.min(share, most - used)
redis.call('INCRBY', KEYS[1], string.format('%.0f', share))
if used == 0 then redis.call('PEXPIRE', KEYS[1], SECOND_MS) end
return {share, math.max(redis.call('PTTL', KEYS[1]), 1)}
