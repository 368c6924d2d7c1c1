#!lua
-- Remembers a ride of this person; forgets those that closed long ago.
-- KEYS[1] person-rides:<phone>   ARGV[1] ride   ARGV[2] closed at (ms)
-- ARGV[3] retention (ms)  ARGV[4] GT: never sooner than it is; CH: whatever it is
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function text(n) return string.format('%.0f', n) end
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[3]))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then
  redis.call('PEXPIREAT', KEYS[1], text(tonumber(last[2]) + ARGV[3]))
end
return {'ok'}
