#!lua
-- The senders of texts that did not arrive are told so, each once a text, and no
-- more than ten times an hour on one ride: a machine may answer our answers.
-- KEYS[1] undelivered:{P}  KEYS[2] outbox:{P}  KEYS[3] waiting:{P}
-- ARGV[1] the most texts that may wait
-- ARGV[2] to ARGV[4] prefixes of the keys of rides, timelines and of who was
--   told, under the same hash tag
-- ARGV[5] and on, for each: the item as it stands in the list, "<reference>
--   <ride> <role> <queued at, or nothing>"; the answer's reference; its text,
--   sealed, or '': none
-- Returns how many were told.
local FIRST, ANSWER_MS, TOLD_S = 5, 14400000, 604800
local HOUR_S, MOST_AN_HOUR = 3600, 10
local CUSTOMER_PHONE, DRIVER_PHONE, PROXY = 5, 6, 13
local CUSTOMER_SINCE, DRIVER_SINCE = 20, 21
local SENDERS = {customer = {'driver', DRIVER_PHONE, DRIVER_SINCE},
                 driver = {'customer', CUSTOMER_PHONE, CUSTOMER_SINCE}}
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc

local waiting = tonumber(redis.call('GET', KEYS[3])) or 0
local count = (#ARGV - FIRST + 1) / 3
local items = redis.call('LRANGE', KEYS[1], 0, count - 1)
local answers, taken, twice, times = {}, 0, {}, {}
for i = 1, #items do
  local at = FIRST + (i - 1) * 3
  -- Another notifier was here: what is left comes again.
  if items[i] ~= ARGV[at] then break end
  taken = taken + 1
  local reference, id, role, queued =
    string.match(items[i], '^(%S+) (%S+) (%S+) ?(%d*)$')
  local packed = id and redis.call('GET', ARGV[2] .. id)
  local ride, sender = packed and cmsgpack.unpack(packed), SENDERS[role]
  -- Who has the sender's place by now did not write it.
  local since = ride and sender and ride[sender[3]] or 0
  if since > (tonumber(queued) or 0) then ride = nil end
  if ride and sender and ride[sender[2]] == '' then ride = nil end -- erased
  local who = ride and sender and ARGV[4] .. id .. ':' .. sender[1]
  if who and not times[who] then
    times[who] = tonumber(redis.call('GET', who)) or 0
  end
  if who and ARGV[at + 2] ~= '' and times[who] < MOST_AN_HOUR and
     waiting + #answers < tonumber(ARGV[1]) and
     not twice[reference] and
     redis.call('EXISTS', ARGV[4] .. reference) == 0 then
    twice[reference] = true
    times[who] = times[who] + 1
    answers[#answers + 1] = {
      told = ARGV[4] .. reference, who = who, ride = id, role = sender[1],
      to = ride[sender[2]], proxy = ride[PROXY], ref = ARGV[at + 1],
      text = ARGV[at + 2]}
  end
end

if taken > 0 then redis.call('LTRIM', KEYS[1], taken, -1) end
for i = 1, #answers do
  local a = answers[i]
  redis.call('XADD', KEYS[2], '*', 'ref', a.ref, 'ride', a.ride,
             'role', a.role, 'to', a.to, 'text', a.text, 'proxy', a.proxy,
             'until', text(now + ANSWER_MS), 'kind', 'a')
  redis.call('INCR', KEYS[3])
  redis.call('SET', a.told, '1', 'EX', TOLD_S)
  if redis.call('INCR', a.who) == 1 then
    redis.call('EXPIRE', a.who, HOUR_S)
  end
  note(ARGV[3] .. a.ride, 'text.answered', a.role, a.ref)
end
return #answers
