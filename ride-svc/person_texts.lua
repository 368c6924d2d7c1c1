#!lua
-- The texts of one person that are still kept, of these rides: shown, or taken
-- away. Theirs are what is for them, what they wrote, and notices with their name.
-- KEYS[1] outbox:{P}  KEYS[2] sending:{P}  KEYS[3] waiting:{P}
-- KEYS[4] parked:{P}  KEYS[5] dead:{P}
-- ARGV[1] show or erase  ARGV[2] hash of their phone
-- ARGV[3] behind this entry of the outbox; '': from its start, and first what is
--   parked and dead  ARGV[4] the most entries
-- ARGV[5] to ARGV[8] prefixes of the keys of letters, rides, routes and parked
--   texts, under the same hash tag  ARGV[9] and on: rides
-- Returns {the last entry, or '' at the end, how many waited, how many were dead,
--   {reference, ride, kind, state, direction, at, text (sealed), …}}, as
--   KEPT_TEXT has them.
local FIRST = 9
local CUSTOMER_PHONE, DRIVER_PHONE, CUSTOMER_KEY, DRIVER_KEY = 5, 6, 7, 8
local PROXY, CUSTOMER_SINCE, DRIVER_SINCE = 13, 20, 21
local act, phone = ARGV[1], ARGV[2]

-- What of a ride is theirs. Who left it has had their place until then.
-- A route: {ride, role, other, since, until, closed, replaced, channels, left}
-- A letter: {entry, reference, ride, role, reason, proxy, to, text, until, kind,
-- queued, doubt}
local places = {}
for i = FIRST, #ARGV do
  local packed = redis.call('GET', ARGV[6] .. ARGV[i])
  local ride = packed and cmsgpack.unpack(packed)
  packed = ride and redis.call('GET', ARGV[7] .. ride[PROXY] .. ':' .. phone)
  local route = packed and cmsgpack.unpack(packed)
  if ride and ride[CUSTOMER_KEY] == phone then
    places[ARGV[i]] = {role = 'customer', to = ride[CUSTOMER_PHONE],
                       since = ride[CUSTOMER_SINCE] or 0, till = math.huge}
  elseif ride and ride[DRIVER_KEY] == phone then
    places[ARGV[i]] = {role = 'driver', to = ride[DRIVER_PHONE],
                       since = ride[DRIVER_SINCE] or 0, till = math.huge}
  elseif route and route[1] == ARGV[i] and (route[9] or '') ~= '' then
    places[ARGV[i]] = {role = route[2], to = route[9], since = route[4],
                       till = route[5]}
  end
end
local function is_theirs(place, role, kind, queued, to)
  if not place then return false end
  if role == place.role then return to == place.to end
  return kind ~= 'a' and queued >= place.since and queued < place.till
end
local shown, waited, dead = {}, 0, 0
local function show(place, x)
  local to_them = x.role == place.role
  -- What the other party wrote is theirs to tell.
  local sealed = to_them and x.kind == 't' and '' or x.text
  local way = to_them and 'for_them' or x.kind == 't' and 'written' or
              'about_them'
  for _, value in ipairs({x.ref, x.ride, x.kind, x.state, way,
                          string.format('%.0f', x.queued), sealed}) do
    shown[#shown + 1] = value
  end
end
local function take(entry)
  redis.call('HDEL', KEYS[2], entry)
  redis.call('DECR', KEYS[3])
end

local function of_parked(ride, place, role)
  local name = ride .. ':' .. role
  local key = ARGV[8] .. name
  -- {entry, reference, proxy, to, text, until, attempts, doubt, absences, after,
  -- kind}
  local items = redis.call('LRANGE', key, 0, -1)
  for i = 1, #items do
    local x = cmsgpack.unpack(items[i])
    local queued, kind = tonumber(string.match(x[1], '^%d+')), x[11] or ''
    if is_theirs(place, role, kind, queued, x[4]) then
      waited = waited + 1
      if act == 'show' then
        show(place, {ref = x[2], ride = ride, role = role, kind = kind,
                     state = 'waiting', queued = queued, text = x[5]})
      else
        redis.call('LREM', key, 1, items[i])
        take(x[1])
      end
    end
  end
  if act == 'erase' and #items > 0 and redis.call('LLEN', key) == 0 then
    redis.call('ZREM', KEYS[4], name)
  end
end
if ARGV[3] == '' then
  for ride, place in pairs(places) do
    of_parked(ride, place, 'customer')
    of_parked(ride, place, 'driver')
  end
  local references = redis.call('ZRANGE', KEYS[5], 0, -1)
  for i = 1, #references do
    local packed = redis.call('GET', ARGV[5] .. references[i])
    local letter = packed and cmsgpack.unpack(packed)
    local place = letter and places[letter[3]]
    if place and is_theirs(place, letter[4], letter[10], letter[11],
                           letter[7]) then
      dead = dead + 1
      if act == 'show' then
        show(place, {ref = letter[2], ride = letter[3], role = letter[4],
                     kind = letter[10], state = 'dead', queued = letter[11],
                     text = letter[8]})
      else
        redis.call('DEL', ARGV[5] .. references[i])
        redis.call('ZREM', KEYS[5], references[i])
      end
    end
  end
end
local from = ARGV[3] == '' and '-' or '(' .. ARGV[3]
local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[4])
for i = 1, #entries do
  local entry, flat, f = entries[i][1], entries[i][2], {}
  for j = 1, #flat, 2 do f[flat[j]] = flat[j + 1] end
  local place = places[f.ride]
  local queued = tonumber(string.match(entry, '^%d+'))
  if is_theirs(place, f.role, f.kind, queued, f.to) then
    waited = waited + 1
    if act == 'show' then
      show(place, {ref = f.ref, ride = f.ride, role = f.role, kind = f.kind,
                   state = 'waiting', queued = queued, text = f.text})
    else
      redis.call('XDEL', KEYS[1], entry)
      take(entry)
    end
  end
end
local last = #entries == tonumber(ARGV[4]) and entries[#entries][1] or ''
return {last, waited, dead, shown}
