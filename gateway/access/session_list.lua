#!lua
-- An account's sessions, the latest to end first.
-- KEYS[1] {access}:sessions:<name>  ARGV[1] the prefix of sessions' keys
-- Returns {key, made, seen, expires, address, agent, key, …}.
local keys, out = redis.call('ZREVRANGE', KEYS[1], 0, -1), {}
for i = 1, #keys do
  local s = redis.call('HMGET', ARGV[1] .. keys[i], 'made', 'seen', 'expires',
                       'address', 'agent')
  if s[1] then
    out[#out + 1] = keys[i]
    for k = 1, #s do out[#out + 1] = s[k] or '' end
  end
end
return out
