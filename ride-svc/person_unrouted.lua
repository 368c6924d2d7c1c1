#!lua
-- What somebody wrote that reached nobody: shown, or taken away.
-- KEYS[1] unrouted:{P}  ARGV[1] show or erase  ARGV[2] hash of their phone
-- Returns {how many, {reference, at, text (sealed), …}}.
-- Each: {at, fate, reference, text, hash of the sender's phone}
local count, shown = 0, {}
local items = redis.call('LRANGE', KEYS[1], 0, -1)
for i = 1, #items do
  local x = cmsgpack.unpack(items[i])
  if x[5] == ARGV[2] then
    count = count + 1
    if ARGV[1] == 'erase' then
      redis.call('LREM', KEYS[1], 1, items[i])
    else
      shown[#shown + 1] = x[3]
      shown[#shown + 1] = string.format('%.0f', x[1])
      shown[#shown + 1] = x[4]
    end
  end
end
return {count, shown}
