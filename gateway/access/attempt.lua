#!lua
-- Counts an attempt before it is looked at, so that many at once count, too.
-- KEYS counts  ARGV[i] the most of KEYS[i] in a window  ARGV[#KEYS + 1] window (ms)
-- Returns 0, or how long to wait (ms); then nothing is counted.
for i = 1, #KEYS do
  local count = tonumber(redis.call('GET', KEYS[i]) or 0)
  if count >= tonumber(ARGV[i]) then
    return math.max(redis.call('PTTL', KEYS[i]), 1)
  end
end
for i = 1, #KEYS do
  if redis.call('INCR', KEYS[i]) == 1 then
    redis.call('PEXPIRE', KEYS[i], ARGV[#KEYS + 1])
  end
end
return 0
