#!lua
-- Changes fields of an account, or removes it; who is signed in with it may
-- have to sign in again.
-- KEYS[1] {access}:account:<name>  KEYS[2] {access}:accounts
-- KEYS[3] {access}:sessions:<name>
-- ARGV[1] name  ARGV[2] set or remove  ARGV[3] the hash that its password must
-- have, or ''  ARGV[4] sessions: keep, end, or the key of the one that stays
-- ARGV[5], ARGV[6] prefixes of accounts' and of sessions' keys
-- from ARGV[7] on: field, value; an empty value takes the field away
-- Returns {"done"}, {"gone"}, {"changed"} or {"last"}: no admin would be left.
local now = redis.call('HMGET', KEYS[1], 'role', 'password', 'disabled')
if not now[1] then return {'gone'} end
if ARGV[3] ~= '' and now[2] ~= ARGV[3] then return {'changed'} end
local role, disabled = now[1], now[3]
for i = 7, #ARGV, 2 do
  if ARGV[i] == 'role' then role = ARGV[i + 1] end
  if ARGV[i] == 'disabled' then disabled = ARGV[i + 1] ~= '' end
end
local was = now[1] == 'admin' and not now[3]
if was and (ARGV[2] == 'remove' or role ~= 'admin' or disabled) then
  local others = 0
  for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local a = redis.call('HMGET', ARGV[5] .. name, 'role', 'disabled')
    if name ~= ARGV[1] and a[1] == 'admin' and not a[2] then
      others = others + 1
    end
  end
  if others == 0 then return {'last'} end
end
if ARGV[2] == 'remove' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
if ARGV[4] ~= 'keep' then
  for _, key in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if key ~= ARGV[4] then
      redis.call('DEL', ARGV[6] .. key)
      redis.call('ZREM', KEYS[3], key)
    end
  end
end
return {'done'}
