#!lua
-- A ride goes on with another customer or driver, on the same number: who leaves
-- connects no more, who comes does, and who stays writes to them from now on.
-- One step, with the notices and the duty to move the holds.
-- KEYS[1] ride:{P}:<id>  KEYS[2] route of who stays  KEYS[3] of who leaves
-- KEYS[4] of who comes  KEYS[5] outbox:{P}  KEYS[6] duties:{P}
-- KEYS[7] timeline:{P}:<id>  KEYS[8] lease:{P}  KEYS[9] waiting:{P}
-- ARGV[1] id  ARGV[2] customer or driver: who changes  ARGV[3] the revision that
--   the keys are of  ARGV[4] the claim lapses at (ms)
-- ARGV[5] to ARGV[8] who comes: id, name, phone (sealed), key
-- ARGV[9] cool-down (ms; -1: never)  ARGV[10] the most texts that may wait
-- ARGV[11] to ARGV[16] notices to who comes, stays, leaves: reference, or '':
--   none; and sealed text  ARGV[17] retention (ms)
-- Returns {"done", ride, now, lease}, {"changed"}: read it again, {"owed"}: what
--   an earlier change owes must be settled first, {"over"}, {"lapsed"},
--   {"taken"} or {"full"}.
local CUSTOMER, DRIVER, CUSTOMER_NAME, DRIVER_NAME = 1, 2, 3, 4
local CUSTOMER_PHONE, DRIVER_PHONE, CUSTOMER_KEY, DRIVER_KEY = 5, 6, 7, 8
local PROXY, GRACE, CLOSED, REVISION, CHANNELS = 13, 16, 17, 18, 19
local CUSTOMER_SINCE, DRIVER_SINCE, LEFT, LEFT_UNTIL = 20, 21, 22, 23
local SLACK_MS, AFTER_MS, DUTY_MS = 5000, 3600000, 2000
local ANSWER_MS = 14400000
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc
-- include whole_ride.inc

local there, role = redis.call('GET', KEYS[1]), ARGV[2]
local ride = there and whole_ride(there)
if not ride or ride[REVISION] ~= tonumber(ARGV[3]) then return {'changed'} end
if ride[GRACE] <= now then return {'over'} end
local is_customer = role == 'customer'
local stayer = is_customer and 'driver' or 'customer'
local id_at = is_customer and CUSTOMER or DRIVER
local name_at = is_customer and CUSTOMER_NAME or DRIVER_NAME
local phone_at = is_customer and CUSTOMER_PHONE or DRIVER_PHONE
local key_at = is_customer and CUSTOMER_KEY or DRIVER_KEY
local since_at = is_customer and CUSTOMER_SINCE or DRIVER_SINCE
local other_phone = ride[is_customer and DRIVER_PHONE or CUSTOMER_PHONE]
local lease = redis.call('GET', KEYS[8]) or ''
local gone = redis.call('PTTL', KEYS[1]) + now

local function write(what)
  local packed = cmsgpack.pack(ride)
  redis.call('SET', KEYS[1], packed, 'KEEPTTL')
  note(KEYS[7], what, role)
  return {'done', packed, text(now), lease}
end
-- Another person with the same phone: nothing else changes.
if ride[key_at] == ARGV[8] then
  ride[id_at], ride[name_at] = tonumber(ARGV[5]), ARGV[6]
  return write('ride.' .. role .. '_changed')
end

if redis.call('ZSCORE', KEYS[6], ARGV[1]) then return {'owed'} end
if tonumber(ARGV[4]) - SLACK_MS <= now then return {'lapsed'} end
-- A route: {ride, role, other, since, until, closed, replaced, channels, left}
local routes = {}
for i = 2, 4 do
  local packed = redis.call('GET', KEYS[i])
  routes[i] = packed and cmsgpack.unpack(packed)
  local route = routes[i]
  local own = route and route[1] == ARGV[1] and route[5] > now
  if i < 4 and not own then return {'over'} end
end
local before = routes[4]
if before and (before[6] == -1 or before[6] > now) then return {'taken'} end
if (tonumber(redis.call('GET', KEYS[9])) or 0) + 3 > tonumber(ARGV[10]) then
  return {'full'}
end

-- Its own number stands in the route of who left, so that they can be told.
local cooldown = tonumber(ARGV[9])
local left = ride[phone_at]
local route = routes[3]
route[3], route[5], route[8], route[9] = '', now, route[8] or '', left
route[6] = cooldown == -1 and -1 or now + cooldown
ride[LEFT], ride[LEFT_UNTIL] = ride[key_at], route[6]
-- Whatever the ride's own end, which may be none.
redis.call('SET', KEYS[3], cmsgpack.pack(route), 'PXAT',
           text(route[6] == -1 and now + ARGV[17] or route[6] + AFTER_MS))
ride[id_at], ride[name_at] = tonumber(ARGV[5]), ARGV[6]
ride[phone_at], ride[key_at], ride[since_at] = ARGV[7], ARGV[8], now
ride[REVISION] = ride[REVISION] + 1
redis.call('SET', KEYS[4], cmsgpack.pack(
  {ARGV[1], role, other_phone, now, ride[GRACE], ride[CLOSED],
   before and before[5] or 0, ride[CHANNELS]}), 'PXAT',
  text(ride[CLOSED] == -1 and gone or ride[CLOSED] + AFTER_MS))
-- What was written before was written to who left.
route = routes[2]
route[3], route[4], route[7] = ARGV[7], now, now
redis.call('SET', KEYS[2], cmsgpack.pack(route), 'KEEPTTL')
local function send(to_role, to, at, ends, kind)
  if ARGV[at] == '' then return end
  redis.call('XADD', KEYS[5], '*', 'ref', ARGV[at], 'ride', ARGV[1],
             'role', to_role, 'to', to, 'text', ARGV[at + 1],
             'proxy', ride[PROXY], 'until', text(ends), 'kind', kind)
  redis.call('INCR', KEYS[9])
end
send(role, left, 15, now + ANSWER_MS, 'a')
send(role, ARGV[7], 11, ride[GRACE], 'n')
send(stayer, other_phone, 13, ride[GRACE], 'n')
redis.call('ZADD', KEYS[6], text(now + DUTY_MS), ARGV[1])
return write('ride.' .. role .. '_changed')
