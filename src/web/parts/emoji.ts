export const QUICK_EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"] as const;

export const MORE_EMOJI = [
  ..."😀 😁 😅 😊 😍 😘 😎 🤔 🙄 😴 😭 😡 🥳 🤯 🤷 🫡".split(" "),
  ..."👎 👏 🙌 💪 👌 🤝 👀 💯 🔥 🎉 ✅ ❌ ❓ ⭐ ☕ 🚀".split(" "),
];

const OF_SERVER = /^[^\s\p{Cc}\p{Cs}]{1,32}$/u;

/** What the server takes for a reaction. */
export function isReaction(text: string): boolean {
  return OF_SERVER.test(text);
}
