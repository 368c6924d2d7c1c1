#!lua
-- KEYS[1] {access}:accounts  ARGV[1] the prefix of accounts' keys
-- Returns {name, role, made, made_by, signed_in, disabled, has_totp, …}, by name.
local names, out = redis.call('ZRANGE', KEYS[1], 0, -1), {}
for i = 1, #names do
  local a = redis.call('HMGET', ARGV[1] .. names[i], 'role', 'made', 'made_by',
                       'signed_in', 'disabled')
  if a[1] then
    out[#out + 1] = names[i]
    for k = 1, 5 do out[#out + 1] = a[k] or '' end
    out[#out + 1] = redis.call('HEXISTS', ARGV[1] .. names[i], 'totp')
  end
end
return out
