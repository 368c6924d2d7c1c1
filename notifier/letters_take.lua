#!lua
-- Takes dead letters away: back into the outbox as if they came now, or for
-- good. Or looks at one: could it be sent again?
-- KEYS[1] dead:{P}  KEYS[2] outbox:{P}  KEYS[3] sending:{P}  KEYS[4] waiting:{P}
-- ARGV[1] resend, drop or look  ARGV[2] that died at this time (ms) or before
-- ARGV[3] for this reason, or '': for any  ARGV[4] the most texts that may wait
-- ARGV[5] ms until an attempt has surely ended
-- ARGV[6] to ARGV[9] prefixes of the keys of letters, rides, timelines and
--   delivery states, under the same hash tag
-- ARGV[10] and on: references
-- Returns what became of each: done, none (there is none such), over (its ride
--   connects no more) or full; and of a look {what, letter}.
local FIRST, GRACE, STATE_S = 10, 16, 604800
local CUSTOMER_PHONE, DRIVER_PHONE = 5, 6
local CUSTOMER_SINCE, DRIVER_SINCE = 20, 21
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc
-- include shared/sealed.inc

local act, reason = ARGV[1], ARGV[3]
local room = tonumber(ARGV[4]) - (tonumber(redis.call('GET', KEYS[4])) or 0)
local packed = false

-- A letter: {entry, reference, ride, role, reason, proxy, to, text, until, kind,
-- queued, doubt}
local function judge(letter, died)
  if not letter or not died or tonumber(died) > tonumber(ARGV[2]) or
     (reason ~= '' and reason ~= letter[5]) then
    return 'none'
  elseif act == 'drop' then
    return 'done'
  end
  -- The ride says how long it connects; an answer of our own does by itself.
  local ride = letter[10] ~= 'a' and redis.call('GET', ARGV[7] .. letter[3])
  ride = ride and cmsgpack.unpack(ride)
  if ride then letter[9] = ride[GRACE] end
  local to_customer = letter[4] == 'customer'
  local phone = ride and ride[to_customer and CUSTOMER_PHONE or DRIVER_PHONE]
  local writer_since = ride and letter[10] == 't' and
                       ride[to_customer and DRIVER_SINCE or CUSTOMER_SINCE] or 0
  -- Over, too, for whoever left the ride, and for what was written before who
  -- has the writer's place, or phone, by now.
  if letter[9] <= now or (phone and not same_seal(phone, letter[7])) or
     writer_since > letter[11] then
    return 'over'
  end
  room = room - 1
  return room >= 0 and 'done' or 'full'
end
local said, taken = {}, {}
for i = FIRST, #ARGV do
  packed = redis.call('GET', ARGV[6] .. ARGV[i])
  local letter = packed and cmsgpack.unpack(packed)
  local what = judge(letter, redis.call('ZSCORE', KEYS[1], ARGV[i]))
  said[#said + 1] = what
  if what == 'done' then taken[#taken + 1] = letter end
end
if act == 'look' then return {said[1], packed or ''} end

local function send(letter)
  local entry = redis.call('XADD', KEYS[2], '*', 'ref', letter[2],
                           'ride', letter[3], 'role', letter[4],
                           'to', letter[7], 'text', letter[8],
                           'proxy', letter[6], 'until', text(letter[9]),
                           'kind', letter[10])
  redis.call('INCR', KEYS[4])
  -- It may have been sent: as an attempt of nobody's that ended, so that the
  -- provider is asked first.
  if letter[12] > 0 then
    redis.call('HSET', KEYS[3], entry, '0 ' .. text(letter[12] + ARGV[5]))
  end
  -- Reports of what is sent now count from the start.
  redis.call('SET', ARGV[9] .. letter[2],
             '0 ' .. letter[3] .. ' ' .. letter[4] .. ' ' .. letter[10] ..
             ' ' .. text(letter[11]),
             'EX', STATE_S)
end
for i = 1, #taken do
  local letter = taken[i]
  redis.call('DEL', ARGV[6] .. letter[2])
  redis.call('ZREM', KEYS[1], letter[2])
  if act == 'resend' then send(letter) end
  local what = act == 'resend' and 'text.resent' or 'text.dropped'
  note(ARGV[8] .. letter[3], what, letter[4], letter[2])
end
return said
