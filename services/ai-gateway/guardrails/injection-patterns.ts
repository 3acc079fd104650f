const object =
  "(?:all |any |the |your |my |these |those |of |previous |prior |above |preceding |earlier |system |original |initial )*";

/**
 * How instructions that somebody slips in are usually worded, in English and Chinese (OWASP LLM01:2025, and the collections it names).
 * They find the common ones; no list finds all.
 */
export const injectionPatterns: readonly string[] = [
  `\\b(?:ignore|disregard|forget|override|bypass)\\s+${object}(?:instructions?|prompts?|rules|directions|guidelines|context|constraints)\\b`,
  "\\b(?:ignore|disregard|forget)\\s+(?:everything|anything|all)\\s+(?:that |you |which )*(?:above|before|previously|were told|i said|said)\\b",
  `\\b(?:reveal|show|print|repeat|output|display|leak|tell me)\\s+(?:me )?${object}(?:system|hidden|initial|original|secret|developer)\\s+(?:prompt|message|instructions?)\\b`,
  "\\bwhat (?:is|are|were) your (?:system|hidden|initial|original|secret) (?:prompt|message|instructions?)\\b",
  "\\byou are (?:now|no longer) (?:in )?(?:a |an |the )?(?:dan|jailbroken|unrestricted|unfiltered|developer mode|bound by)\\b",
  "\\b(?:enable|activate|enter|switch to) (?:dan|developer|debug|god|jailbreak|unrestricted|sudo) mode\\b",
  "\\bdo anything now\\b",
  "\\b(?:pretend|act|behave|respond) (?:as if |as though |like )?(?:you have |there are |you had )?no (?:restrictions|rules|limits|filters|guidelines|ethics)\\b",
  "\\bwithout (?:any )?(?:restrictions|filters|censorship|ethical guidelines|safety guidelines)\\b",
  "<\\|(?:im_start|im_end|system|endoftext|start_header_id|eot_id)\\|>",
  "\\[/?(?:INST|SYS)\\]|<</?SYS>>",
  "(?:忽略|无视|忘记|忘掉|不要理会|跳过|覆盖)(?:掉|了)?(?:你|您)?(?:之前|以前|前面|上面|以上|先前|上述|此前|原有|所有|全部|一切|任何|的|收到)*(?:指令|指示|提示词|提示|规则|设定|要求|限制|约束|内容)",
  "(?:输出|显示|展示|告诉我|打印|重复|泄露|透露|公开)(?:一下|出)?(?:你|您)?(?:的|完整|全部|原始|隐藏|内部|初始)*(?:系统|隐藏|初始|内部|原始)(?:的)?(?:提示词|提示|指令|设定|消息)",
  "(?:进入|开启|启用|切换到|激活)(?:了)?(?:开发者|越狱|无限制|调试|上帝|管理员|DAN)\\s?模式",
  "(?:你|您)现在(?:是|不再)(?:一个)?(?:没有|不受|无)(?:任何)?(?:限制|约束|道德)",
  "(?:假装|假设|扮演)(?:你|您|成)?(?:是)?(?:一个)?(?:没有|不受)(?:任何)?(?:限制|约束|规则)",
];
