#!lua
-- Queues an alert to the operator, once.
-- KEYS[1] {alerts}:due  KEYS[2] {alerts}:alert:<id>
-- ARGV[1] id  ARGV[2] type  ARGV[3] body  ARGV[4] the most that may wait
-- Returns {"ok"} or {"known"}.
local KEPT_S = 172800
if redis.call('EXISTS', KEYS[2]) == 1 then return {'known'} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local over = redis.call('ZCARD', KEYS[1]) + 1 - tonumber(ARGV[4])
-- An ALERT_RECORD: {type, body, raised, tries}
redis.call('SET', KEYS[2], cmsgpack.pack({ARGV[2], ARGV[3], now, 0}),
           'EX', KEPT_S)
if over > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1) end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('EXPIRE', KEYS[1], KEPT_S)
return {'ok'}
