#!lua
-- The provider took the text.
-- KEYS[1] lease:{P}  KEYS[2] outbox:{P}  KEYS[3] sending:{P}
-- KEYS[4] parked:{P}:<ride>:<role>  KEYS[5] parked:{P}
-- KEYS[6] timeline:{P}:<ride>  KEYS[7] waiting:{P}
-- KEYS[10] originators:{P}
-- ARGV[1] the lease as the notifier holds it  ARGV[2] entry  ARGV[3] attempt
-- ARGV[4] "<ride>:<role>"  ARGV[5] role  ARGV[6] reference
-- ARGV[7] proxy number
-- Returns {"done", more}, {"gone", more} or {"lost", 0}; more: 1 where another
--   text of this conversation is parked.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc

-- Who made the attempt may say how it ended even when its lease has lapsed: a
-- new owner leaves it alone until its deadline.
local attempt = redis.call('HGET', KEYS[3], ARGV[2])
if attempt ~= ARGV[3] and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {'lost', 0}
end
local head = redis.call('LINDEX', KEYS[4], 0)
local parked = head and cmsgpack.unpack(head)[1] == ARGV[2]
local more = redis.call('LLEN', KEYS[4]) - (parked and 1 or 0)
if parked then
  redis.call('LPOP', KEYS[4])
  if more == 0 then
    redis.call('ZREM', KEYS[5], ARGV[4])
  else
    redis.call('ZADD', KEYS[5], string.format('%.0f', now), ARGV[4])
  end
elseif redis.call('XDEL', KEYS[2], ARGV[2]) == 0 then
  return {'gone', more > 0 and 1 or 0}
end
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('DECR', KEYS[7])
redis.call('HDEL', KEYS[10], ARGV[7])
note(KEYS[6], 'text.sent', ARGV[5], ARGV[6])
return {'done', more > 0 and 1 or 0}
