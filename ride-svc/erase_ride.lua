#!lua
-- A ride that is over forgets one of its people: who they were, and where they
-- were reached; a customer's places, too. The other one's part stays.
-- KEYS[1] ride:{P}:<id>  KEYS[2] timeline:{P}:<id>
-- ARGV[1] id  ARGV[2] hash of their phone
-- ARGV[3] to ARGV[5] prefixes of the keys of routes, of who was told and of paces,
--   under the same hash tag
-- Returns {"live"}: they are connected by it, {"none"}: they are not in it, or
--   {"done", routes, the route stays until (ms), or 0}.
local CUSTOMER, DRIVER, CUSTOMER_NAME, DRIVER_NAME = 1, 2, 3, 4
local CUSTOMER_PHONE, DRIVER_PHONE, CUSTOMER_KEY, DRIVER_KEY = 5, 6, 7, 8
local START, DESTINATION, DATETIME, PROXY, GRACE, LEFT = 9, 10, 11, 13, 16, 22
local LEFT_UNTIL = 23
-- What was written to it before it was over may come so much later, and is not
-- for the ride that follows on this number: see receive.lua.
local GUARD_MS = 120000
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc
-- include whole_ride.inc

local phone = ARGV[2]
local packed = redis.call('GET', KEYS[1])
local ride = packed and whole_ride(packed)
if not ride then return {'none'} end
local is_customer = ride[CUSTOMER_KEY] == phone
local is_driver = ride[DRIVER_KEY] == phone
local left = ride[LEFT] == phone
if (is_customer or is_driver) and ride[GRACE] > now then return {'live'} end
-- A route: {ride, role, other, since, until, closed, replaced, channels, left}
local line = ride[PROXY] .. ':'
local own_key = ARGV[3] .. line .. phone
packed = redis.call('GET', own_key)
local route = packed and cmsgpack.unpack(packed)
if route and route[1] ~= ARGV[1] then route = nil end
if not (is_customer or is_driver or left or route) then return {'none'} end
local role = is_customer and 'customer' or is_driver and 'driver' or
             route and route[2] or ''
local other = ride[is_customer and DRIVER_KEY or CUSTOMER_KEY]
local other_key = ARGV[3] .. line .. other
packed = (is_customer or is_driver) and redis.call('GET', other_key)
local others = packed and cmsgpack.unpack(packed)
if others and others[1] ~= ARGV[1] then others = nil end

if is_customer then
  ride[CUSTOMER], ride[CUSTOMER_NAME] = 0, ''
  ride[CUSTOMER_PHONE], ride[CUSTOMER_KEY] = '', ''
  ride[START], ride[DESTINATION], ride[DATETIME] = '', '', ''
elseif is_driver then
  ride[DRIVER], ride[DRIVER_NAME] = 0, ''
  ride[DRIVER_PHONE], ride[DRIVER_KEY] = '', ''
end
if left then ride[LEFT], ride[LEFT_UNTIL] = '', 0 end
redis.call('SET', KEYS[1], cmsgpack.pack(ride), 'KEEPTTL')
local routes, stays = 0, 0
if others then
  others[3] = ''
  redis.call('SET', other_key, cmsgpack.pack(others), 'KEEPTTL')
end
if route then
  routes, stays = 1, route[5] + GUARD_MS
  if stays > now then
    route[3], route[9] = '', ''
    route[8] = route[8] or ''
    redis.call('SET', own_key, cmsgpack.pack(route), 'PXAT', text(stays))
  else
    redis.call('DEL', own_key)
    stays = 0
  end
end
redis.call('DEL', ARGV[4] .. line .. phone,
           ARGV[5] .. ARGV[1] .. ':' .. role)
note(KEYS[2], 'ride.party_erased', role)
return {'done', routes, text(stays)}
