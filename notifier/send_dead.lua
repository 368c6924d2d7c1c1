#!lua
-- The text is never sent: a dead letter, on record with its reason.
-- KEYS[1] lease:{P}  KEYS[2] outbox:{P}  KEYS[3] sending:{P}
-- KEYS[4] parked:{P}:<ride>:<role>  KEYS[5] parked:{P}
-- KEYS[6] timeline:{P}:<ride>  KEYS[7] waiting:{P}  KEYS[8] dead:{P}
-- ARGV[1] the lease as the notifier holds it  ARGV[2] entry  ARGV[3] attempt
-- ARGV[4] ride  ARGV[5] role  ARGV[6] reason
-- Returns {"done", more}, {"gone", more} or {"lost", 0}; more: 1 where another
--   text of this conversation is parked.
local MOST_DEAD, MOST_EVENTS, KEPT_S = 1000, 200, 86400
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local attempt = redis.call('HGET', KEYS[3], ARGV[2])
if attempt ~= ARGV[3] and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {'lost', 0}
end
local conversation = ARGV[4] .. ':' .. ARGV[5]
local head = redis.call('LINDEX', KEYS[4], 0)
local x = head and cmsgpack.unpack(head)
local parked = x and x[1] == ARGV[2]
local more = redis.call('LLEN', KEYS[4]) - (parked and 1 or 0)
if not parked then
  local found = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])[1]
  if not found then return {'gone', more > 0 and 1 or 0} end
  local flat, f = found[2], {}
  for i = 1, #flat, 2 do f[flat[i]] = flat[i + 1] end
  x = {ARGV[2], f.ref or '', f.proxy or '', f.to or '', f.text or '',
       tonumber(f['until']) or 0}
end

if not parked then
  redis.call('XDEL', KEYS[2], ARGV[2])
else
  redis.call('LPOP', KEYS[4])
  if more == 0 then
    redis.call('ZREM', KEYS[5], conversation)
  else
    redis.call('ZADD', KEYS[5], text(now), conversation)
  end
end
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('DECR', KEYS[7])
-- {entry, reference, ride, role, reason, proxy, to, text, until}
redis.call('ZADD', KEYS[8], text(now), cmsgpack.pack(
  {x[1], x[2], ARGV[4], ARGV[5], ARGV[6], x[3], x[4], x[5], x[6]}))
redis.call('ZREMRANGEBYSCORE', KEYS[8], '-inf', text(now - KEPT_S * 1000))
redis.call('ZREMRANGEBYRANK', KEYS[8], 0, -MOST_DEAD - 1)
redis.call('EXPIRE', KEYS[8], KEPT_S)
local event = cmsgpack.pack({now, 'text.failed', ARGV[5], x[2], ARGV[6]})
if redis.call('RPUSHX', KEYS[6], event) > 0 then
  redis.call('LTRIM', KEYS[6], -MOST_EVENTS, -1)
end
return {'done', more > 0 and 1 or 0}
