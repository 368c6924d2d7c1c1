#!lua
-- What a pool that is gone kept of itself; unless it was made again meanwhile.
-- KEYS[1] pool:{P}:index  KEYS[2] pool:{P}:closing  KEYS[3] and on: what goes
-- Returns {"ok"} or {"opened"}.
if redis.call('ZCARD', KEYS[1]) > 0 or redis.call('EXISTS', KEYS[2]) == 0 then
  return {'opened'}
end
redis.call('DEL', unpack(KEYS, 3))
return {'ok'}
