#!lua
-- A text came in: its route found, a repeat refused, the text put into the
-- outbox, in one step.
-- KEYS[1] route:{P}:<proxy>:<phone>  KEYS[2] seen:{P}:<id>  KEYS[3] jti:{P}:<jti>
-- KEYS[4] outbox:{P}  KEYS[5] unrouted:{P}  KEYS[6] lease:{P}
-- KEYS[7] waiting:{P}: texts in the outbox and behind it
-- ARGV[1] reference  ARGV[2] text, sealed  ARGV[3] written at (ms; 0: unknown)
-- ARGV[4] hash of the content  ARGV[5] "1" where there is a jti
-- ARGV[6] proxy number  ARGV[7] the most texts that may wait
-- ARGV[8] prefix of the timelines' keys, under the same hash tag
-- Returns {fate, lease}: forwarded, repeat, stranger, old, closed, replay, full.
local KEPT_S, OLD_MS, EARLY_MS = 172800, 172800000, 60000
local MOST_UNROUTED, UNROUTED_S, MOST_EVENTS = 1000, 86400, 200
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[5] == '1' then
  local content = redis.call('GET', KEYS[3])
  if content and content ~= ARGV[4] then return {'replay', ''} end
end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'repeat', ''} end

-- A route: {ride, role, other, since, until, closed, replaced}
local packed = redis.call('GET', KEYS[1])
local route = packed and cmsgpack.unpack(packed)
if route and route[6] ~= -1 and route[6] <= now and route[5] <= now then
  route = nil
end
local written = tonumber(ARGV[3])
if written == 0 or written > now then written = now end
local fate = 'forwarded'
if not route then
  fate = 'stranger'
elseif written < now - OLD_MS or written < route[4] - EARLY_MS or
       written < route[7] then
  fate = 'old'
elseif route[5] <= now then
  fate = 'closed'
end
if fate == 'forwarded' and
   (tonumber(redis.call('GET', KEYS[7])) or 0) >= tonumber(ARGV[7]) then
  return {'full', ''}
end

if fate == 'forwarded' then
  local to = route[2] == 'customer' and 'driver' or 'customer'
  redis.call('XADD', KEYS[4], '*', 'ref', ARGV[1], 'ride', route[1],
             'role', to, 'to', route[3], 'text', ARGV[2], 'proxy', ARGV[6],
             'until', text(route[5]))
  redis.call('INCR', KEYS[7])
else
  redis.call('LPUSH', KEYS[5], cmsgpack.pack({now, fate, ARGV[1], ARGV[2]}))
  redis.call('LTRIM', KEYS[5], 0, MOST_UNROUTED - 1)
  redis.call('EXPIRE', KEYS[5], UNROUTED_S)
  local oldest = redis.call('LINDEX', KEYS[5], -1)
  while oldest and cmsgpack.unpack(oldest)[1] < now - UNROUTED_S * 1000 do
    redis.call('RPOP', KEYS[5])
    oldest = redis.call('LINDEX', KEYS[5], -1)
  end
end
if route then
  local what = fate == 'forwarded' and 'text.taken' or 'text.refused'
  local timeline = ARGV[8] .. route[1]
  redis.call('RPUSHX', timeline, cmsgpack.pack(
    {now, what, route[2], ARGV[1], fate == 'forwarded' and '' or fate}))
  redis.call('LTRIM', timeline, -MOST_EVENTS, -1)
end
redis.call('SET', KEYS[2], fate, 'EX', KEPT_S)
if ARGV[5] == '1' then redis.call('SET', KEYS[3], ARGV[4], 'EX', KEPT_S) end
return {fate, redis.call('GET', KEYS[6]) or ''}
