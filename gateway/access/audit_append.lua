#!lua
-- Appends entries to a trail, where nobody else has appended meanwhile.
-- KEYS[1] {audit}:<trail>  KEYS[2] {audit}:<trail>:head
-- ARGV[1] the head that they follow on  ARGV[2] the head behind them
-- ARGV[3] entries of before this time (ms) may go
-- then, of each: its id in the stream, the record, its MAC
-- Returns {"done"} or {"behind", head}.
local head = redis.call('GET', KEYS[2]) or ''
if head ~= ARGV[1] then return {'behind', head} end
for i = 4, #ARGV, 3 do
  redis.call('XADD', KEYS[1], ARGV[i], 'e', ARGV[i + 1], 'm', ARGV[i + 2])
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', '~', ARGV[3])
return {'done'}
