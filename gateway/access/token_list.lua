#!lua
-- KEYS[1] {access}:tokens  ARGV[1] the prefix of tokens' keys
-- Returns {id, name, scopes, expires, made, made_by, used, …}, the newest first.
local ids, out = redis.call('ZREVRANGE', KEYS[1], 0, -1), {}
for i = 1, #ids do
  local a = redis.call('HMGET', ARGV[1] .. ids[i], 'name', 'scopes', 'expires',
                       'made', 'made_by', 'used')
  if a[1] then
    out[#out + 1] = ids[i]
    for k = 1, 6 do out[#out + 1] = a[k] or '' end
  end
end
return out
