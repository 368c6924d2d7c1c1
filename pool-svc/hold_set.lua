#!lua
-- Until when does this ride hold its number? Late, early and repeated calls are
-- harmless: an older revision changes nothing, and a hold that another ride set
-- since is never shortened.
-- KEYS[1] pool:{P}:claim:<claim>     KEYS[2] pool:{P}:uses:<number>
-- KEYS[3] pool:{P}:held:<customer>   KEYS[4] pool:{P}:held:<driver>
-- KEYS[5] pool:{P}:about           KEYS[6] pool:{P}:busy
-- KEYS[7] pool:{P}:held:<who left the ride>
-- KEYS[8] pool:{P}:claim:<ARGV[7]>
-- ARGV[1] claim  ARGV[2] number  ARGV[3] until (ms; 0: free; -1: for good)
-- ARGV[4] revision  ARGV[5] connected until (ms): what counts as its use where
--   the hold is for good
-- ARGV[6] who left the ride holds it until (ms; -1: for good), or '': nobody
-- ARGV[7] another claim on the number, by which who comes held it until now, or
--   '': none
-- Returns {"ok"} or {"old"}.
local CLAIM_KEPT_S, MEMORY, MEMORY_MS = 172800, 32, 2592000000
local function text(n)
  return n == math.huge and '+inf' or string.format('%.0f', n)
end
local function number_of(s)
  return s and (s == 'inf' and math.huge or tonumber(s)) or nil
end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local claim, number = ARGV[1], ARGV[2]
local ends, revision = tonumber(ARGV[3]), tonumber(ARGV[4])
local packed = redis.call('GET', KEYS[1])
local c = packed and cmsgpack.unpack(packed)
-- A key that was used again after two days names another ride's claim by now.
local foreign = c and c[1] ~= number
if not c or foreign then c = {number, 0, 0, 0} end
local before = number_of(redis.call('ZSCORE', KEYS[2], claim))
local claimed = ARGV[7] ~= '' and
                number_of(redis.call('ZSCORE', KEYS[2], ARGV[7]))
if c[4] > revision then
  -- The claim goes all the same; what was held by it is the ride's, or nobody's.
  if claimed then
    for i = 3, 4 do
      if number_of(redis.call('ZSCORE', KEYS[i], number)) == claimed then
        redis.call('ZADD', KEYS[i], text(before or now), number)
      end
    end
    redis.call('ZREM', KEYS[2], ARGV[7])
    redis.call('DEL', KEYS[8])
  end
  return {'old'}
end
if ends == -1 then ends = math.huge end
local freed = ends == 0
if freed then ends = now end
local function expire(key)
  local last = number_of(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2])
  if last == math.huge then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIREAT', key, text(last + MEMORY_MS))
  end
end
local function set(key)
  local held = number_of(redis.call('ZSCORE', key, number))
  -- Freed once more, it is remembered from when it really was.
  local over = freed and held and held <= now
  if not over and (not held or held == before or held == claimed or
                   ends > held) then
    redis.call('ZADD', key, text(ends), number)
  end
  local lapsed = redis.call('ZCOUNT', key, '-inf', text(now))
  if lapsed > MEMORY then
    redis.call('ZREMRANGEBYRANK', key, 0, lapsed - MEMORY - 1)
  end
  expire(key)
end
set(KEYS[3])
set(KEYS[4])
-- Who left the ride held as long as it did, and does no more; later they may hold
-- the number for another ride, which is not looked at.
local left = tonumber(ARGV[6])
if left and left > now and before and
   number_of(redis.call('ZSCORE', KEYS[7], number)) == before then
  redis.call('ZADD', KEYS[7], text(left), number)
  expire(KEYS[7])
end
-- What is kept for good is kept as the person's hold; the number is told, so
-- that it never leaves the pool.
if ends == math.huge then redis.call('HSET', KEYS[5], 'kept ' .. number, '1') end
if claimed then
  redis.call('ZREM', KEYS[2], ARGV[7])
  redis.call('DEL', KEYS[8])
end
local used = ends == math.huge and tonumber(ARGV[5]) or ends
redis.call('ZADD', KEYS[2], text(used), claim)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
local last = number_of(redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])
if last then
  redis.call('PEXPIREAT', KEYS[2], text(last))
  redis.call('ZADD', KEYS[6], text(last), number)
else
  redis.call('ZREM', KEYS[6], number)
end
-- Written anew where it is gone: it guards against an older revision.
if not foreign then
  c[4] = revision
  redis.call('SET', KEYS[1], cmsgpack.pack(c), 'EX', CLAIM_KEPT_S)
end
return {'ok'}
