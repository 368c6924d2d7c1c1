#!lua
-- Ends a ride now, extends it, or only marks that its hold is to change.
-- KEYS[1] ride:{P}:<id>  KEYS[2] route of the customer  KEYS[3] of the driver
-- KEYS[4] duties:{P}  KEYS[5] timeline:{P}:<id>  KEYS[6] rides:{P}
-- ARGV[1] id  ARGV[2] "end", "mark" or "extend"  ARGV[3] extend: the new end
-- ARGV[4] grace (ms)  ARGV[5] cool-down (ms; -1: never)  ARGV[6] retention (ms)
-- ARGV[7] extend: the revision that its mark made
-- Returns {"done", ride, now}, {"over", ride, now} where it had ended already,
--   {"earlier", ride, now} where the new end is no later, {"changed", ride,
--   now} where somebody else changed it since the mark, or {"none"}.
local ENDS, GRACE, CLOSED, REVISION = 15, 16, 17, 18
local AFTER_MS, DUTY_MS, MOST_EVENTS = 3600000, 2000, 200
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local there = redis.call('GET', KEYS[1])
if not there then return {'none'} end
local ride = cmsgpack.unpack(there)
local act = ARGV[2]
if ride[ENDS] <= now then return {'over', there, text(now)} end
if act ~= 'end' and tonumber(ARGV[3]) <= ride[ENDS] then
  return {'earlier', there, text(now)}
end
if act == 'extend' and ride[REVISION] ~= tonumber(ARGV[7]) then
  return {'changed', there, text(now)}
end
-- A route: {ride, role, other, since, until, closed, replaced}
local routes = {redis.call('GET', KEYS[2]) or false,
                redis.call('GET', KEYS[3]) or false}

ride[REVISION] = ride[REVISION] + 1
local cooldown = tonumber(ARGV[5])
if act ~= 'mark' then
  ride[ENDS] = act == 'end' and now or tonumber(ARGV[3])
  ride[GRACE] = ride[ENDS] + tonumber(ARGV[4])
  ride[CLOSED] = cooldown == -1 and -1 or ride[GRACE] + cooldown
end
local last = ride[CLOSED] == -1 and ride[GRACE] or ride[CLOSED]
local gone = last + tonumber(ARGV[6])
local packed = cmsgpack.pack(ride)
redis.call('SET', KEYS[1], packed, 'PXAT', text(gone))
redis.call('PEXPIREAT', KEYS[6], text(gone), 'GT')
redis.call('ZADD', KEYS[4], text(now + DUTY_MS), ARGV[1])
if act ~= 'mark' then
  for i = 1, 2 do
    local route = routes[i] and cmsgpack.unpack(routes[i])
    if route and route[1] == ARGV[1] then
      route[5], route[6] = ride[GRACE], ride[CLOSED]
      -- One that is past its end stays for a while: what replaces it must know
      -- when it ended.
      local ends = ride[CLOSED] == -1 and gone or ride[CLOSED] + AFTER_MS
      redis.call('SET', KEYS[1 + i], cmsgpack.pack(route), 'PXAT', text(ends))
    end
  end
  local what = act == 'end' and 'ride.ended' or 'ride.extended'
  redis.call('RPUSH', KEYS[5], cmsgpack.pack({now, what, '', '', ''}))
  redis.call('LTRIM', KEYS[5], -MOST_EVENTS, -1)
  redis.call('PEXPIREAT', KEYS[5], text(gone))
end
return {'done', packed, text(now)}
