#!lua
-- A text came in: its route found, a repeat refused, the text put into the
-- outbox, in one step.
-- KEYS[1] route:{P}:<proxy>:<phone>  KEYS[2] seen:{P}:<id>  KEYS[3] jti:{P}:<jti>
-- KEYS[4] outbox:{P}  KEYS[5] unrouted:{P}  KEYS[6] lease:{P}
-- KEYS[7] waiting:{P}: texts in the outbox and behind it
-- KEYS[8] told:{P}:<proxy>:<phone>: was told today that the ride is over, or is
--   for calls only
-- ARGV[1] reference  ARGV[2] text, sealed  ARGV[3] written at (ms; 0: unknown)
-- ARGV[4] hash of the content  ARGV[5] "1" where there is a jti
-- ARGV[6] proxy number  ARGV[7] the most texts that may wait
-- ARGV[8] ARGV[9] ARGV[10] prefixes of the keys of timelines, rides and paces,
--   under the same hash tag
-- ARGV[11] texts a minute from one sender on one ride; 0: any number
-- ARGV[12] ARGV[13] the answer to who writes to a ride that is over, or for calls
--   only: reference, and sealed text, '?': to be asked for, or '': none
-- Returns {fate, lease}: forwarded, repeat, stranger, old, closed, limited,
--   no_texts, replay, full; or {"answer", fate, words}: nothing was done, the
--   answer is needed: these words, where the ride has its own.
local KEPT_S, OLD_MS, EARLY_MS = 172800, 172800000, 60000
local MINUTE_MS, MOST_HELD_BACK = 60000, 300
local DAY_S, ANSWER_MS = 86400, 14400000
local CUSTOMER_PHONE, DRIVER_PHONE, CLOSED_ANSWER = 5, 6, 27
local CAN = 30
local MOST_UNROUTED, UNROUTED_S = 1000, 86400
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc

if ARGV[5] == '1' then
  local content = redis.call('GET', KEYS[3])
  if content and content ~= ARGV[4] then return {'replay', ''} end
end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'repeat', ''} end

-- A route: {ride, role, other, since, until, closed, replaced, channels, left}
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
elseif route[8] == 'voice' then
  fate = 'no_texts'
end

-- When it is its turn: of the texts a minute from this sender on this ride each
-- leaves no sooner than a minute after the one that so many stand before. The
-- list holds when each of the last ones is due, in order: where the last is not
-- in the future, none is held back.
local most, after = tonumber(ARGV[11]), 0
local pace = route and ARGV[10] .. route[1] .. ':' .. route[2]
if fate == 'forwarded' and most > 0 then
  after = tonumber(redis.call('LINDEX', pace, -1) or 0)
  if after > now then
    local held_back = redis.call('LINDEX', pace, -MOST_HELD_BACK)
    if held_back and tonumber(held_back) > now then fate = 'limited' end
  end
  local before = after > 0 and redis.call('LINDEX', pace, -most)
  after = math.max(after, before and tonumber(before) + MINUTE_MS or 0)
end
local full = (tonumber(redis.call('GET', KEYS[7])) or 0) >= tonumber(ARGV[7])
if fate == 'forwarded' and full then return {'full', ''} end
-- Who writes to a ride that is over, or for calls only, is told so, once a day.
local party, words
if (fate == 'closed' or fate == 'no_texts') and ARGV[13] ~= '' and
   not full and redis.call('GET', KEYS[8]) ~= fate then
  local ride = redis.call('GET', ARGV[9] .. route[1])
  ride = ride and cmsgpack.unpack(ride)
  party = ride and
          ride[route[2] == 'customer' and CUSTOMER_PHONE or DRIVER_PHONE]
  -- Who left the ride is not who has their place by now.
  if (route[9] or '') ~= '' then party = route[9] end
  words = ride and fate == 'closed' and ride[CLOSED_ANSWER]
  -- Nor is anybody who was erased.
  if ride and ride[CAN] == 'voice' or party == '' then party = nil end
end
if party and ARGV[13] == '?' then return {'answer', fate, words or ''} end

local function send(kind, reference, role, to, sealed, ends, ...)
  redis.call('XADD', KEYS[4], '*', 'ref', reference, 'ride', route[1],
             'role', role, 'to', to, 'text', sealed, 'proxy', ARGV[6],
             'until', text(ends), 'kind', kind, ...)
  redis.call('INCR', KEYS[7])
end
if fate == 'forwarded' then
  local other = route[2] == 'customer' and 'driver' or 'customer'
  if after > now then
    send('t', ARGV[1], other, route[3], ARGV[2], route[5], 'after', text(after))
  else
    send('t', ARGV[1], other, route[3], ARGV[2], route[5])
  end
  if most > 0 then
    local due = math.max(after, now)
    local kept = math.max(most, MOST_HELD_BACK)
    if redis.call('RPUSH', pace, text(due)) > kept then
      redis.call('LTRIM', pace, -kept, -1)
    end
    redis.call('PEXPIREAT', pace, text(due + MINUTE_MS))
  end
else
  -- With the sender's hash, by which it is found for them.
  redis.call('LPUSH', KEYS[5], cmsgpack.pack(
    {now, fate, ARGV[1], ARGV[2], string.match(KEYS[1], '[^:]*$')}))
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
  note(ARGV[8] .. route[1], what, route[2], ARGV[1],
       fate ~= 'forwarded' and fate or '')
end
if party then
  send('a', ARGV[12], route[2], party, ARGV[13], now + ANSWER_MS)
  redis.call('SET', KEYS[8], fate, 'EX', DAY_S)
end
redis.call('SET', KEYS[2], fate, 'EX', KEPT_S)
if ARGV[5] == '1' then redis.call('SET', KEYS[3], ARGV[4], 'EX', KEPT_S) end
return {fate, redis.call('GET', KEYS[6]) or ''}
