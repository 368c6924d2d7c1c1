#!lua
-- An erasure under way, on record: so that it goes on where whoever carried it out
-- has died, and is asked for once.
-- KEYS[1] {erasures}:due: erasure -> when somebody else is to go on with it (ms)
-- KEYS[2] {erasures}:<id>, a hash
-- KEYS[3] {erasures}:rewrite: the last one that Redis's file still tells of
-- ARGV[1] begin, go_on, done or swept: looked once more  ARGV[2] id  ARGV[3] ms until somebody else goes on
-- begin: ARGV[4] and on: fields and their values; else: fields, and by how much
--   each grows, but for kept_until, which is a time
-- Returns the hash, as {field, value, …}, and of begin as it was before: empty
--   where it began now.
-- A ride that was being made for them, with a claim of two minutes, is found then.
local KEPT_S, SWEEP_MS = 172800, 130000
local function text(n) return string.format('%.0f', n) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local there = redis.call('HGETALL', KEYS[2])
if ARGV[1] == 'begin' then
  if #there > 0 then return there end
  redis.call('HSET', KEYS[2], 'begun', text(now), unpack(ARGV, 4))
elseif #there > 0 then
  for i = 4, #ARGV, 2 do
    if ARGV[i] == 'kept_until' then
      redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    else
      redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1])
    end
  end
end
local again = ARGV[1] == 'done' and SWEEP_MS or tonumber(ARGV[3])
if ARGV[1] == 'swept' then
  redis.call('ZREM', KEYS[1], ARGV[2])
  -- Nothing that says whose it was.
  redis.call('HDEL', KEYS[2], 'phones', 'whom')
else
  redis.call('ZADD', KEYS[1], text(now + again), ARGV[2])
end
if ARGV[1] == 'done' then redis.call('HSETNX', KEYS[2], 'done', text(now)) end
if ARGV[1] == 'done' or ARGV[1] == 'swept' and #ARGV > 3 then
  -- What is gone stands in the append-only file until that is rewritten.
  redis.call('SET', KEYS[3], ARGV[2], 'EX', KEPT_S)
end
redis.call('EXPIRE', KEYS[2], KEPT_S)
return ARGV[1] == 'begin' and {} or redis.call('HGETALL', KEYS[2])
