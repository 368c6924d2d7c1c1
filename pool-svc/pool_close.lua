#!lua
-- A pool without numbers takes none for a minute, until it is gone.
-- KEYS[1] pool:{P}:index  KEYS[2] pool:{P}:settings  KEYS[3] pool:{P}:need
-- KEYS[4] pool:{P}:busy  KEYS[5] pool:{P}:about  KEYS[6] pool:{P}:low
-- KEYS[7] pool:{P}:alerts
-- Returns {"ok"} or {"used", numbers}.
local CLOSING_MS = 60000
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local numbers = redis.call('ZCARD', KEYS[1])
if numbers > 0 then return {'used', numbers} end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
redis.call('HSET', KEYS[2], 'closing', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[2], CLOSING_MS)
return {'ok'}
