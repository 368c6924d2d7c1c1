#!lua
-- Rides whose hold at pool-svc is to be set; each is offered again in a while,
-- unless it was done by then.
-- KEYS[1] duties:{P}   ARGV[1] the most   ARGV[2] again after (ms)
-- Returns {ride, …}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZRANGE', KEYS[1], '-inf', string.format('%.0f', now),
                       'BYSCORE', 'LIMIT', 0, ARGV[1])
for i = 1, #due do
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), due[i])
end
return due
