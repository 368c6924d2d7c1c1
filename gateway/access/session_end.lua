#!lua
-- Ends one session of an account, or all of them but one.
-- KEYS[1] {access}:sessions:<name>  ARGV[1] the prefix of sessions' keys
-- ARGV[2] the key of the one to end, or ''  ARGV[3] then: the one to keep, or ''
-- Returns how many were ended.
local ended = 0
local keys = redis.call('ZRANGE', KEYS[1], 0, -1)
for i = 1, #keys do
  local mine = ARGV[2] == '' and keys[i] ~= ARGV[3] or keys[i] == ARGV[2]
  if mine then
    ended = ended + redis.call('DEL', ARGV[1] .. keys[i])
    redis.call('ZREM', KEYS[1], keys[i])
  end
end
return ended
