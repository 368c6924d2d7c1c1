#!lua
-- A call on the ride's timeline, if the ride still has one.
-- KEYS[1] timeline:{P}:<ride>   ARGV[1] role of the caller   ARGV[2] fate
local MOST_EVENTS = 200
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('RPUSHX', KEYS[1], cmsgpack.pack({now, 'call', ARGV[1], '', ARGV[2]}))
redis.call('LTRIM', KEYS[1], -MOST_EVENTS, -1)
return {'ok'}
