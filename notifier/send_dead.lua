#!lua
-- The text is never sent: a dead letter, on record with its reason.
-- KEYS[1] lease:{P}  KEYS[2] outbox:{P}  KEYS[3] sending:{P}
-- KEYS[4] parked:{P}:<ride>:<role>  KEYS[5] parked:{P}
-- KEYS[6] timeline:{P}:<ride>  KEYS[7] waiting:{P}  KEYS[8] dead:{P}
-- KEYS[9] undelivered:{P}: texts whose sender is to be told
-- KEYS[10] originators:{P}, a hash: proxy number -> how often in a row the
--   provider refused it as the sender
-- ARGV[1] the lease as the notifier holds it  ARGV[2] entry  ARGV[3] attempt
-- ARGV[4] ride  ARGV[5] role  ARGV[6] reason  ARGV[7] ms that a letter is kept
-- ARGV[8] prefix of the letters' keys, under the same hash tag
-- Returns {"done", more, in a row}, {"gone", more} or {"lost", 0}; more: 1 where
--   another text of this conversation is parked; in a row: as of KEYS[10], 0
--   where it is not about that.
local MOST_DEAD = 1000
local MOST_UNDELIVERED, TOLD_WITHIN_S = 1000, 14400
local ORIGINATORS_S = 604800
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc

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
       tonumber(f['until']) or 0, 0, 0, 0, 0, f.kind or ''}
end
local queued = tonumber(string.match(x[1], '^%d+'))
-- When it may have been sent; where only that is known that it may, at any time.
local doubt = x[8]
if doubt == 0 and ARGV[6] == 'in_doubt' then doubt = queued end

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
-- A letter: {entry, reference, ride, role, reason, proxy, to, text, until, kind,
-- queued, doubt}
redis.call('SET', ARGV[8] .. x[2], cmsgpack.pack(
  {x[1], x[2], ARGV[4], ARGV[5], ARGV[6], x[3], x[4], x[5], x[6], x[11] or '',
   queued, doubt}), 'PX', ARGV[7])
redis.call('ZADD', KEYS[8], text(now), x[2])
redis.call('ZREMRANGEBYSCORE', KEYS[8], '-inf', text(now - ARGV[7]))
local most = redis.call('ZRANGE', KEYS[8], 0, -MOST_DEAD - 1)
for i = 1, #most do
  redis.call('ZREM', KEYS[8], most[i])
  redis.call('DEL', ARGV[8] .. most[i])
end
redis.call('PEXPIRE', KEYS[8], ARGV[7])
if x[11] == 't' then
  redis.call('RPUSH', KEYS[9], x[2] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5] .. ' ' ..
             text(queued))
  redis.call('LTRIM', KEYS[9], -MOST_UNDELIVERED, -1)
  redis.call('EXPIRE', KEYS[9], TOLD_WITHIN_S)
end
note(KEYS[6], 'text.failed', ARGV[5], x[2], ARGV[6])
local in_a_row = 0
if ARGV[6] == 'originator_refused' then
  in_a_row = redis.call('HINCRBY', KEYS[10], x[3], 1)
  redis.call('EXPIRE', KEYS[10], ORIGINATORS_S)
end
return {'done', more > 0 and 1 or 0, in_a_row}
