#!lua
-- May this text be sent now? Where it may, the attempt is on record before a
-- byte leaves.
-- KEYS[1] lease:{P}  KEYS[2] outbox:{P}  KEYS[3] sending:{P}
-- KEYS[4] parked:{P}:<ride>:<role>  KEYS[5] ride:{P}:<ride>
-- KEYS[6] parked:{P}
-- ARGV[1] the lease as the notifier holds it  ARGV[2] entry, or '': the first
--   parked text of this conversation  ARGV[3] ride  ARGV[4] role
-- ARGV[5] prefix of the keys of delivery states, under the same hash tag
-- ARGV[6] ms until the attempt has surely ended  ARGV[7] ms that a text is kept
-- ARGV[8] "1": nothing is left of TEXTS_PER_DAY
-- Returns {"lost"}, {"gone"}, {"moved"}: behind what is parked, or parked until
--   it is its turn,
--   {"wait", ms}: another notifier's attempt may be under way, {"spent"}: not
--   today, or
--   {what, entry, attempt, now, attempts, doubt, absences, reference, proxy,
--    to, text}, what: send, look (it may have been sent at `doubt`: ask the
--    provider), or the reason why it is never sent: old, day_limit (old because
--    of that), in_doubt, ride_over.
local STATE_S, GRACE = 604800, 16
local CUSTOMER_PHONE, DRIVER_PHONE = 5, 6
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/sealed.inc

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
local epoch = string.match(ARGV[1], '(%d+)$')

-- A parked text: {entry, reference, proxy, to, text, until, attempts, doubt,
-- absences, after, kind}
local head = redis.call('LINDEX', KEYS[4], 0)
local x
if ARGV[2] == '' then
  if not head then return {'gone'} end
  x = cmsgpack.unpack(head)
else
  local found = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])[1]
  if not found then return {'gone'} end
  local flat, f = found[2], {}
  for i = 1, #flat, 2 do f[flat[i]] = flat[i + 1] end
  x = {ARGV[2], f.ref or '', f.proxy or '', f.to or '', f.text or '',
       tonumber(f['until']) or 0, 0, 0, 0, tonumber(f.after) or 0,
       f.kind or ''}
end
local after, kind = x[10] or 0, x[11] or ''
local waits = after > now and (ARGV[2] == '' or not head)
if ARGV[2] ~= '' and (head or waits) then
  redis.call('RPUSH', KEYS[4], cmsgpack.pack(x))
  redis.call('XDEL', KEYS[2], ARGV[2])
end
if waits then
  redis.call('ZADD', KEYS[6], text(after), ARGV[3] .. ':' .. ARGV[4])
end
if waits or (ARGV[2] ~= '' and head) then return {'moved'} end

-- An attempt of our own epoch never left: who made it records how it ended
-- before anybody asks again.
local attempt = redis.call('HGET', KEYS[3], x[1])
local by, deadline = string.match(attempt or '', '^(%d+) (%d+)$')
if by and by ~= epoch then
  local left = tonumber(deadline) - now
  if left > 0 then return {'wait', text(left)} end
  if x[8] == 0 then x[8] = tonumber(deadline) - tonumber(ARGV[6]) end
end

-- The ride says how long it connects: it may have been ended, or extended, since
-- the text was taken. An answer of our own has an end of its own.
local ride = kind ~= 'a' and redis.call('GET', KEYS[5])
ride = ride and cmsgpack.unpack(ride)
local connects = ride and ride[GRACE] or x[6]
-- Nor is it for who came when the one that it was for left.
local phone = ride and
              ride[ARGV[4] == 'customer' and CUSTOMER_PHONE or DRIVER_PHONE]
if phone and not same_seal(phone, x[4]) then connects = 0 end
local what, mark = 'send', ''
local queued = tonumber(string.match(x[1], '^%d+'))
if queued + tonumber(ARGV[7]) <= now then
  what = x[8] > 0 and 'in_doubt' or ARGV[8] == '1' and 'day_limit' or 'old'
elseif x[8] > 0 then
  what = 'look'
elseif connects <= now then
  what = 'ride_over'
elseif ARGV[8] == '1' then
  return {'spent'}
else
  mark = epoch .. ' ' .. text(now + ARGV[6])
  redis.call('HSET', KEYS[3], x[1], mark)
  redis.call('SET', ARGV[5] .. x[2],
             '0 ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. kind .. ' ' ..
             text(queued), 'NX', 'EX', STATE_S)
end
return {what, x[1], mark, text(now), text(x[7]), text(x[8]), text(x[9]), x[2],
        x[3], x[4], x[5]}
