#!lua
-- Ends a ride now, with its grace or cancelled: without, or replaced by another
-- ride; extends it, or makes it live again in its grace; or only marks that its
-- hold is to change.
-- KEYS[1] ride:{P}:<id>  KEYS[2] route of the customer  KEYS[3] of the driver
-- KEYS[4] duties:{P}  KEYS[5] timeline:{P}:<id>  KEYS[6] rides:{P}
-- KEYS[7] outbox:{P}  KEYS[8] waiting:{P}
-- ARGV[1] id  ARGV[2] end, cancel, replace, extend or reopen
-- ARGV[3] extend, reopen: the new end
-- ARGV[4] grace (ms)  ARGV[5] cool-down (ms; -1: never)  ARGV[6] retention (ms)
-- ARGV[7] extend, reopen: the revision that its mark made; 0: this is the mark;
--   replace: the revision that is replaced
-- ARGV[8] replace: by this ride  ARGV[9] and on, cancel and replace: for each who
--   is told: role, phone (sealed), the notice's reference, or '': none, and
--   sealed text
-- Returns {"done", ride, now}, {"over", ride, now} where it had ended already
--   (cancel and reopen: its grace, too), {"live", ride, now} where there is nothing
--   to reopen, {"earlier", ride, now} where the new end is no later,
--   {"changed", ride, now} where somebody else changed it since the mark, or
--   {"none"}.
local CUSTOMER_KEY, DRIVER_KEY = 7, 8
local ENDS, GRACE, CLOSED, REVISION, NEXT = 15, 16, 17, 18, 24
local NONE = 253402300799000 -- the end of a ride without an end
local PROXY, ANSWER_MS, NOTICES = 13, 14400000, 9
local AFTER_MS, DUTY_MS = 3600000, 2000
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc
-- include whole_ride.inc

local there = redis.call('GET', KEYS[1])
if not there then return {'none'} end
local ride = whole_ride(there)
-- A party changed since the keys were named.
local function is_of(key, phone)
  return string.sub(key, #key + 1 - #phone) == phone
end
if not is_of(KEYS[2], ride[CUSTOMER_KEY]) or
   not is_of(KEYS[3], ride[DRIVER_KEY]) then
  return {'changed', there, text(now)}
end
local act, wanted = ARGV[2], tonumber(ARGV[3])
local moves = act == 'extend' or act == 'reopen'
local revision = tonumber(ARGV[7])
local no_grace = act == 'cancel' or act == 'replace'
local until_grace = act == 'cancel' or act == 'reopen'
if ride[until_grace and GRACE or ENDS] <= now then
  return {'over', there, text(now)}
end
if act == 'replace' and ride[REVISION] ~= revision then
  return {'changed', there, text(now)}
end
if act == 'reopen' and ride[ENDS] > now then return {'live', there, text(now)} end
if moves and wanted <= (ride[ENDS] == NONE and wanted ~= NONE and now or
                         math.max(ride[ENDS], now)) then
  return {'earlier', there, text(now)}
end
local mark = moves and revision == 0
if moves and not mark and ride[REVISION] ~= revision then
  return {'changed', there, text(now)}
end
-- A route: {ride, role, other, since, until, closed, replaced, channels, left}
local routes = {}
for i = 1, 2 do
  local route = redis.call('GET', KEYS[1 + i])
  route = route and cmsgpack.unpack(route)
  routes[i] = route and route[1] == ARGV[1] and route
  -- What speaks again has to be what spoke until now.
  if act == 'reopen' and not (routes[i] and routes[i][5] > now) then
    return {'over', there, text(now)}
  end
end

ride[REVISION] = ride[REVISION] + 1
if act == 'replace' then ride[NEXT] = ARGV[8] end
local cooldown = tonumber(ARGV[5])
if not mark then
  ride[ENDS] = moves and wanted or math.min(ride[ENDS], now)
  ride[GRACE] = no_grace and now or ride[ENDS] + tonumber(ARGV[4])
  ride[CLOSED] = cooldown == -1 and -1 or ride[GRACE] + cooldown
end
local last = ride[CLOSED] == -1 and ride[GRACE] or ride[CLOSED]
local gone = last + tonumber(ARGV[6])
local packed = cmsgpack.pack(ride)
redis.call('SET', KEYS[1], packed, 'PXAT', text(gone))
redis.call('PEXPIREAT', KEYS[6], text(gone), 'GT')
redis.call('ZADD', KEYS[4], text(now + DUTY_MS), ARGV[1])
if not mark then
  for i = 1, 2 do
    local route = routes[i]
    if route then
      route[5], route[6] = ride[GRACE], ride[CLOSED]
      -- One that is past its end stays for a while: what replaces it must know
      -- when it ended.
      local ends = ride[CLOSED] == -1 and gone or ride[CLOSED] + AFTER_MS
      redis.call('SET', KEYS[1 + i], cmsgpack.pack(route), 'PXAT', text(ends))
    end
  end
  local what = {['end'] = 'ended', cancel = 'cancelled', extend = 'extended',
                reopen = 'reopened', replace = 'replaced'}
  note(KEYS[5], 'ride.' .. what[act])
  redis.call('PEXPIREAT', KEYS[5], text(gone))
end
for i = NOTICES, no_grace and #ARGV or 0, 4 do
  if ARGV[i + 2] ~= '' then
    redis.call('XADD', KEYS[7], '*', 'ref', ARGV[i + 2], 'ride', ARGV[1],
               'role', ARGV[i], 'to', ARGV[i + 1], 'text', ARGV[i + 3],
               'proxy', ride[PROXY], 'until', text(now + ANSWER_MS),
               'kind', 'a')
    redis.call('INCR', KEYS[8])
  end
end
return {'done', packed, text(now)}
