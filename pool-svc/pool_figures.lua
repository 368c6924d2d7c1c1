#!lua
-- How a pool stands, and whether it is low: so many numbers are not left over
-- today as its mark says, or one was refused and there are no more since. Low
-- stays low until a whole day, or more numbers, was enough.
-- KEYS[1] pool:{P}:numbers   KEYS[2] pool:{P}:busy   KEYS[3] pool:{P}:need
-- KEYS[4] pool:{P}:settings  KEYS[5] pool:{P}:low: since when (ms)
-- KEYS[6] pool:{P}:alerts: what is to be told, a list
-- ARGV[1] pool  ARGV[2] look; or watch: also writes down what has changed
-- ARGV[3] days to tell of, today's included
-- Returns {now, numbers, held, {low_water, capabilities, and its own words, as
--   NUMBER_ASSIGNED has them}, 1 where low,
--   {what was seen of each of these days, oldest first, or nil},
--   {what is to be told, each as a POOL_ALERT}}.
local DAY_MS, ALERTS_MOST, TOLD_AT_ONCE = 86400000, 16, 16
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local numbers = redis.call('ZCARD', KEYS[1])
local held = redis.call('ZCOUNT', KEYS[2], '(' .. text(now), '+inf')
local settings = redis.call('HMGET', KEYS[4], 'low_water', 'capabilities',
                            'customer_notice', 'driver_notice',
                            'closed_answer', 'closed_caller', 'language')
local mark = settings[1]
local was_low = redis.call('EXISTS', KEYS[5]) == 1
local today, days = math.floor(now / DAY_MS), {}
for i = 1, tonumber(ARGV[3]) do
  days[i] = text(today - tonumber(ARGV[3]) + i)
end
local seen = redis.call('HMGET', KEYS[3], unpack(days))
local alerts = redis.call('LRANGE', KEYS[6], 0, TOLD_AT_ONCE - 1)

local function of(saw)
  local need, short = string.match(saw or '0 0 0', '(%d+) %d+ (%d+)')
  need, short = tonumber(need), tonumber(short)
  local refused = short > numbers
  return need, refused,
         refused or (mark and numbers - need < tonumber(mark)) or false
end
local need, refused, low = of(seen[#seen])
if not low and was_low then
  local before, refused_before, still = of(seen[#seen - 1])
  if still then need, refused, low = before, refused_before, true end
end

if ARGV[2] == 'watch' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
end
if ARGV[2] == 'watch' and low ~= was_low then
  if low then
    redis.call('SET', KEYS[5], text(now))
  else
    redis.call('DEL', KEYS[5])
  end
  -- A POOL_ALERT: {id, type, at, pool, numbers, need, low_water, refused}
  local kind = low and 'pool.low' or 'pool.enough'
  local id = (low and 'pool_low_' or 'pool_enough_') .. ARGV[1] .. '_' ..
             text(now)
  local alert = cmsgpack.pack({id, kind, now, ARGV[1], numbers, need,
                               mark and tonumber(mark) or -1, refused})
  redis.call('RPUSH', KEYS[6], alert)
  redis.call('LTRIM', KEYS[6], -ALERTS_MOST, -1)
  alerts[#alerts + 1] = alert
end
return {text(now), numbers, held, settings, low and 1 or 0, seen, alerts}
