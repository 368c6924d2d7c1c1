#!lua
-- A number is in one pool: where it begins to move, or has moved.
-- KEYS[1] number:{17}:<number>, a hash: pool, to, luggage
-- ARGV[1] its pool  ARGV[2] its pool to be; the same: it stays
-- ARGV[3] begin or end  ARGV[4] begin: what it takes along
-- Returns {"ok", what it takes along} or {"elsewhere"}. What it took along when
-- it first began counts, so that a move that was cut goes on with it.
local pool, to, luggage =
  unpack(redis.call('HMGET', KEYS[1], 'pool', 'to', 'luggage'))
if ARGV[3] == 'end' then
  if pool ~= ARGV[1] then return {pool == ARGV[2] and 'ok' or 'elsewhere', ''} end
  redis.call('HSET', KEYS[1], 'pool', ARGV[2])
  redis.call('HDEL', KEYS[1], 'to', 'luggage')
  return {'ok', ''}
end
if pool ~= ARGV[1] or (to and to ~= ARGV[2]) then return {'elsewhere'} end
if not to then
  redis.call('HSET', KEYS[1], 'to', ARGV[2], 'luggage', ARGV[4])
end
return {'ok', luggage or ARGV[4]}
