#!lua
-- This copy's heartbeat in `service:<name>`, and who else is there.
-- KEYS[1] service:<name>
-- ARGV[1] instance   ARGV[2] endpoint
-- ARGV[3] "live" or "leaving"             ARGV[4] ms that an entry lives
-- Returns {instance, endpoint, state, …} of the copies that live.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
local live, gone = {}, {}
for i = 1, #all, 2 do
  local ends, state, endpoint = string.match(all[i + 1], '^(%d+) (%a+) (.*)$')
  if ends and tonumber(ends) > now and all[i] ~= ARGV[1] then
    live[#live + 1] = all[i]
    live[#live + 1] = endpoint
    live[#live + 1] = state
  elseif all[i] ~= ARGV[1] then
    gone[#gone + 1] = all[i]
  end
end
local ends = string.format('%.0f', now + ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], ends .. ' ' .. ARGV[3] .. ' ' .. ARGV[2])
for i = 1, #gone do redis.call('HDEL', KEYS[1], gone[i]) end
redis.call('PEXPIRE', KEYS[1], 60000)
live[#live + 1] = ARGV[1]
live[#live + 1] = ARGV[2]
live[#live + 1] = ARGV[3]
return live
