#!lua
-- The ride, both routes, both notices and the duty to confirm: one step.
-- KEYS[1] ride:{P}:<id>  KEYS[2] rides:{P}  KEYS[3] route of the customer
-- KEYS[4] route of the driver  KEYS[5] outbox:{P}  KEYS[6] duties:{P}
-- KEYS[7] timeline:{P}:<id>  KEYS[8] lease:{P}  KEYS[9] waiting:{P}
-- KEYS[10] once:{P}:<id>: the ride was made, though it may be gone
-- ARGV[1] id  ARGV[2] ride record, its times empty but for `ends`
-- ARGV[3] claim lapses at (ms; 0: it was confirmed)
-- ARGV[4] grace (ms)  ARGV[5] cool-down (ms; -1: never)  ARGV[6] retention (ms)
-- ARGV[7], ARGV[8] the customer's notice: reference, sealed text
-- ARGV[9], ARGV[10] the driver's; all empty: no notices
-- ARGV[11] the most texts that may wait  ARGV[12] "1": made once and never more
-- Returns {"made", ride, lease}, {"exists", ride, lease}, {"lapsed"},
--   {"taken"}, {"over"} or {"full"}.
local ENDS, CREATED, GRACE, CLOSED = 15, 14, 16, 17
local CUSTOMER_PHONE, DRIVER_PHONE, PROXY, CHANNELS = 5, 6, 13, 19
local SLACK_MS, AFTER_MS, CONFIRM_MS = 5000, 3600000, 2000
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local lease = redis.call('GET', KEYS[8]) or ''
local there = redis.call('GET', KEYS[1])
if there then return {'exists', there, lease} end
if ARGV[12] == '1' and redis.call('EXISTS', KEYS[10]) == 1 then
  return {'over'}
end
local lapses = tonumber(ARGV[3])
-- The slack is for clocks of two Redis nodes that differ.
if lapses == 0 or lapses - SLACK_MS <= now then return {'lapsed'} end

-- A route: {ride, role, other, since, until, closed, replaced, channels, left}
local function old_route(key)
  local packed = redis.call('GET', key)
  return packed and cmsgpack.unpack(packed)
end
local function is_free(route)
  return not route or route[1] == ARGV[1] or
         (route[6] ~= -1 and route[6] <= now)
end
local customer, driver = old_route(KEYS[3]), old_route(KEYS[4])
if not is_free(customer) or not is_free(driver) then return {'taken'} end
local notices = ARGV[7] == '' and 0 or 2
local waiting = tonumber(redis.call('GET', KEYS[9])) or 0
if notices > 0 and waiting + notices > tonumber(ARGV[11]) then
  return {'full'}
end

local ride = cmsgpack.unpack(ARGV[2])
local cooldown = tonumber(ARGV[5])
ride[CREATED] = now
ride[GRACE] = ride[ENDS] + tonumber(ARGV[4])
ride[CLOSED] = cooldown == -1 and -1 or ride[GRACE] + cooldown
local last = cooldown == -1 and ride[GRACE] or ride[CLOSED]
local gone = last + tonumber(ARGV[6])
local packed = cmsgpack.pack(ride)
redis.call('SET', KEYS[1], packed, 'PXAT', text(gone))
redis.call('ZADD', KEYS[2], text(now), ARGV[1])
-- It lasts as long as the last of its rides. (GT takes "no end yet" for the
-- latest of all.)
local first = redis.call('PTTL', KEYS[2]) == -1
redis.call('PEXPIREAT', KEYS[2], text(gone), first and 'NX' or 'GT')
local function set_route(key, role, other, old)
  local route = {ARGV[1], role, other, now, ride[GRACE], ride[CLOSED],
                 old and old[5] or 0, ride[CHANNELS]}
  local ends = ride[CLOSED] == -1 and gone or ride[CLOSED] + AFTER_MS
  redis.call('SET', key, cmsgpack.pack(route), 'PXAT', text(ends))
end
set_route(KEYS[3], 'customer', ride[DRIVER_PHONE], customer)
set_route(KEYS[4], 'driver', ride[CUSTOMER_PHONE], driver)
local function send(role, to, reference, sealed)
  redis.call('XADD', KEYS[5], '*', 'ref', reference, 'ride', ARGV[1],
             'role', role, 'to', to, 'text', sealed, 'proxy', ride[PROXY],
             'until', text(ride[GRACE]), 'kind', 'n')
end
if notices > 0 then
  send('customer', ride[CUSTOMER_PHONE], ARGV[7], ARGV[8])
  send('driver', ride[DRIVER_PHONE], ARGV[9], ARGV[10])
  redis.call('INCRBY', KEYS[9], notices)
end
if ARGV[12] == '1' then redis.call('SET', KEYS[10], '1') end
redis.call('ZADD', KEYS[6], text(now + CONFIRM_MS), ARGV[1])
redis.call('RPUSH', KEYS[7], cmsgpack.pack({now, 'ride.created'}))
redis.call('PEXPIREAT', KEYS[7], text(gone))
-- The list of rides forgets what is gone, a little with each new one: any four,
-- since rides are not gone in the order in which they came.
local some = redis.call('ZRANDMEMBER', KEYS[2], 4)
for i = 1, #some do
  if redis.call('EXISTS', string.gsub(KEYS[1], '[^:]*$', '') .. some[i]) == 0 then
    redis.call('ZREM', KEYS[2], some[i])
  end
end
return {'made', packed, lease}
