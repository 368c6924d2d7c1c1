#!lua
-- A pool without numbers takes none for a minute, until it is gone.
-- KEYS[1] pool:{P}:index  KEYS[2] pool:{P}:closing
-- Returns {"ok"} or {"used", numbers}.
local CLOSING_MS = 60000
local numbers = redis.call('ZCARD', KEYS[1])
if numbers > 0 then return {'used', numbers} end
redis.call('SET', KEYS[2], '1', 'PX', CLOSING_MS)
return {'ok'}
