#!lua
-- The parts of texts that may be sent today (UTC): all notifiers take theirs from
-- one count, in advance.
-- KEYS[1] {texts}:today, a hash: day, used
-- ARGV[1] the most a day  ARGV[2] so many are asked for; less than 0: given back,
--   of those taken on the day ARGV[4]  ARGV[3] no less than this is of use
-- Returns {day, used, taken, ms until the day is over}; used: by those that took
--   them, to be sent or sent.
local DAY_MS, KEPT_S, PART = 86400000, 172800, 16
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local day = math.floor(now / DAY_MS)
local there = redis.call('HMGET', KEYS[1], 'day', 'used')
local used = there[1] == text(day) and tonumber(there[2]) or 0
local asked, taken = tonumber(ARGV[2]), 0
if asked < 0 then
  if ARGV[4] == text(day) then taken = -math.min(-asked, used) end
elseif asked > 0 then
  -- The less is left, the less each takes: nobody sits on the last ones.
  local left = math.max(tonumber(ARGV[1]) - used, 0)
  taken = math.min(asked, math.ceil(left / PART))
  taken = math.min(math.max(taken, tonumber(ARGV[3])), left)
end
if taken ~= 0 then
  redis.call('HSET', KEYS[1], 'day', text(day), 'used', text(used + taken))
  redis.call('EXPIRE', KEYS[1], KEPT_S)
end
return {text(day), text(used + taken), text(taken),
        text((day + 1) * DAY_MS - now)}
