#!lua
-- Which number may serve this pair? Gives it to the claim for two minutes.
-- KEYS[1] pool:{P}:numbers      KEYS[2] pool:{P}:held:<customer>
-- KEYS[3] pool:{P}:held:<driver>  KEYS[4] pool:{P}:claim:<claim>
-- KEYS[5] pool:{P}:index  KEYS[6] pool:{P}:need  KEYS[7] pool:{P}:busy
-- KEYS[8] pool:{P}:settings
-- ARGV[1] claim  ARGV[2] ends (ms, or 0)  ARGV[3] lasts (ms)
-- ARGV[4] refused number or ''  ARGV[5] renewed number or ''
-- ARGV[6] prefix of the uses' keys: pool:{P}:uses:
-- ARGV[7] this number and no other, or ''  ARGV[8] customer or driver: whose
--   own hold on it does not count, or ''
-- Returns {"claimed", number, until, ends, {the pool's capabilities, and its own
--   words, as NUMBER_ASSIGNED has them}}, {"lapsed", number, until, ends},
--   {"confirmed", number, 0, ends}, {"none", when the next comes free or 0} or
--   {"past"} where the ride would be over.
-- The uses of the number that is chosen are found under the same hash tag.
-- Notes what it saw of the day: "<most that two held, and one more> <most that
-- one held> <as many numbers had to be there, where none was left, or 0>".
local DAY_MS, DAYS_KEPT = 86400000, 60
local CLAIM_MS, CLAIM_KEPT_S = 120000, 172800
local MEMORY, MEMORY_MS = 32, 2592000000
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local claim = redis.call('GET', KEYS[4])
local ends = tonumber(ARGV[2])
if ends == 0 then ends = now + tonumber(ARGV[3]) end
local own = redis.call('HMGET', KEYS[8], 'capabilities', 'customer_notice',
                       'driver_notice', 'closed_answer', 'closed_caller',
                       'language')
local function claimed(number, till, to)
  return {'claimed', number, text(till), text(to), own}
end
if claim then
  -- {number, until, ends, revision}
  local c = cmsgpack.unpack(claim)
  if c[4] > 0 then return {'confirmed', c[1], '0', text(c[3])} end
  if c[2] > now and c[1] ~= ARGV[4] then
    return claimed(c[1], c[2], c[3])
  end
  if c[2] <= now and c[1] ~= ARGV[5] and c[1] ~= ARGV[4] then
    return {'lapsed', c[1], text(c[2]), text(c[3])}
  end
end
-- A request that got no number may be repeated when its time is over.
if tonumber(ARGV[2]) ~= 0 and ends <= now then return {'past'} end

-- include walk.inc

local function this_one(n)
  if ARGV[8] == 'customer' then
    if (a[n] or 0) > now then holds_a = holds_a - 1 end
    a[n] = nil
  elseif ARGV[8] == 'driver' then
    if (b[n] or 0) > now then holds_b = holds_b - 1 end
    b[n] = nil
  end
  local last = held_until(n)
  if n == ARGV[4] or not redis.call('ZSCORE', KEYS[5], n) then return nil end
  if last <= now then return n end
  return nil, last < math.huge and last or nil
end

local function note(given)
  local day = math.floor(now / DAY_MS)
  local saw = redis.call('HGET', KEYS[6], text(day))
  local need, most, short = string.match(saw or '0 0 0', '(%d+) (%d+) (%d+)')
  need, most, short = tonumber(need), tonumber(most), tonumber(short)
  local needs, holds = holds_a + holds_b + 1, math.max(holds_a, holds_b)
  if given then holds = holds + 1 end
  local wants = given and 0 or redis.call('ZCARD', KEYS[1]) + 1
  if needs <= need and holds <= most and wants <= short then return end
  if not saw then
    local days = redis.call('HKEYS', KEYS[6])
    for i = 1, #days do
      if tonumber(days[i]) <= day - DAYS_KEPT then
        redis.call('HDEL', KEYS[6], days[i])
      end
    end
  end
  redis.call('HSET', KEYS[6], text(day), string.format('%d %d %d',
    math.max(needs, need), math.max(holds, most), math.max(wants, short)))
  redis.call('PEXPIRE', KEYS[6], text((DAYS_KEPT + 1) * DAY_MS))
end

local number, next_free
if ARGV[7] ~= '' then
  number, next_free = this_one(ARGV[7])
else
  number, next_free = walk(ARGV[4])
end
-- That one number is not free says nothing of the pool.
if number or ARGV[7] == '' then note(number) end
if not number then
  -- A claim on what its route refuses is nobody's: a repeat would find it, and
  -- the end that was asked for now.
  if claim and ARGV[4] ~= '' then redis.call('DEL', KEYS[4]) end
  return {'none', text(next_free or 0)}
end

local ends_claim = now + CLAIM_MS
local function hold(key)
  redis.call('ZADD', key, 'GT', text(ends_claim), number)
  local lapsed = redis.call('ZCOUNT', key, '-inf', text(now))
  if lapsed > MEMORY then
    redis.call('ZREMRANGEBYRANK', key, 0, lapsed - MEMORY - 1)
  end
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  if last == 'inf' then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIREAT', key, text(tonumber(last) + MEMORY_MS))
  end
end
redis.call('ZADD', KEYS[1], 'XX', text(t[1] * 1000000 + t[2]), number)
hold(KEYS[2])
hold(KEYS[3])
local uses = ARGV[6] .. number
redis.call('ZREMRANGEBYSCORE', uses, '-inf', text(now))
-- A key that is used again after two days may find its first ride here.
redis.call('ZADD', uses, 'GT', text(ends_claim), ARGV[1])
local last = redis.call('ZRANGE', uses, -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIREAT', uses, text(tonumber(last)))
redis.call('ZADD', KEYS[7], last, number)
redis.call('SET', KEYS[4], cmsgpack.pack({number, ends_claim, ends, 0}),
           'EX', CLAIM_KEPT_S)
return claimed(number, ends_claim, ends)
