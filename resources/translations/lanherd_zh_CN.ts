<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AfterFields</name>
    <message>
        <source>Wait for a run</source>
        <translation>等待一个运行</translation>
    </message>
</context>
<context>
    <name>AfterRow</name>
    <message>
        <source>Run to wait for</source>
        <translation>要等待的运行</translation>
    </message>
    <message>
        <source>What is waited for</source>
        <translation>等待的条件</translation>
    </message>
    <message>
        <source>Wait for this run no longer</source>
        <translation>不再等待此运行</translation>
    </message>
    <message>
        <source>choose a run</source>
        <translation>选择一个运行</translation>
    </message>
</context>
<context>
    <name>CausePanel</name>
    <message>
        <source>Lines of the log</source>
        <translation>日志行</translation>
    </message>
    <message>
        <source>Show in log</source>
        <translation>在日志中显示</translation>
    </message>
    <message>
        <source>This run did not succeed.</source>
        <translation>此运行未成功。</translation>
    </message>
</context>
<context>
    <name>Chip</name>
    <message>
        <source>waiting</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>preparing</source>
        <translation>准备中</translation>
    </message>
    <message>
        <source>starting</source>
        <translation>启动中</translation>
    </message>
    <message>
        <source>running</source>
        <translation>运行中</translation>
    </message>
    <message>
        <source>stopping</source>
        <translation>停止中</translation>
    </message>
    <message>
        <source>succeeded</source>
        <translation>成功</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>timed out</source>
        <translation>超时</translation>
    </message>
    <message>
        <source>lost</source>
        <translation>丢失</translation>
    </message>
    <message>
        <source>unreachable</source>
        <translation>无法连接</translation>
    </message>
    <message>
        <source>not ours</source>
        <translation>非本系统进程</translation>
    </message>
    <message>
        <source>simulated</source>
        <translation>模拟</translation>
    </message>
    <message>
        <source>left over</source>
        <translation>残留</translation>
    </message>
    <message>
        <source>closed</source>
        <translation>已停用</translation>
    </message>
</context>
<context>
    <name>ConfirmBar</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Do it</source>
        <translation>执行</translation>
    </message>
</context>
<context>
    <name>CsvPreview</name>
    <message>
        <source>Table</source>
        <translation>表格</translation>
    </message>
    <message>
        <source>This table has no rows.</source>
        <translation>此表格没有数据行。</translation>
    </message>
    <message>
        <source>The first {0} rows. Fetch the file to have all of it.</source>
        <translation>仅前 {0} 行。下载文件可查看全部内容。</translation>
    </message>
    <message>
        <source>{0} rows, {1} columns</source>
        <translation>{0} 行，{1} 列</translation>
    </message>
</context>
<context>
    <name>ErrorPanel</name>
    <message>
        <source>Copy details</source>
        <translation>复制详情</translation>
    </message>
</context>
<context>
    <name>FindingLine</name>
    <message>
        <source>Line {line}:</source>
        <translation>第 {line} 行：</translation>
    </message>
</context>
<context>
    <name>GpuDetail</name>
    <message>
        <source>Nobody holds it.</source>
        <translation>没有人占用它。</translation>
    </message>
    <message>
        <source>Release</source>
        <translation>放行</translation>
    </message>
    <message>
        <source>Close this GPU…</source>
        <translation>停用这块 GPU…</translation>
    </message>
    <message>
        <source>Why, for others to read</source>
        <translation>原因，供他人查看</translation>
    </message>
    <message>
        <source>Why the GPU is closed</source>
        <translation>停用 GPU 的原因</translation>
    </message>
    <message>
        <source>Close it</source>
        <translation>停用</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>No run starts on it.</source>
        <translation>没有运行会在它上面启动。</translation>
    </message>
    <message>
        <source>Processes of runs that have ended still hold VRAM: pid {pids}.</source>
        <translation>已结束运行的进程仍占用显存：pid {pids}。</translation>
    </message>
    <message>
        <source>Who owns them may end them on the machine (kill {pids}); if the pid is gone, the GPU has to be reset or the machine restarted.</source>
        <translation>其所有者可以在机器上结束它们（kill {pids}）；如果该 pid 已不存在，则需重置 GPU 或重启机器。</translation>
    </message>
    <message>
        <source>GPU {gpu} takes no new run.</source>
        <translation>GPU {gpu} 不再接受新的运行。</translation>
    </message>
    <message>
        <source>GPU {gpu} takes runs again.</source>
        <translation>GPU {gpu} 重新接受运行。</translation>
    </message>
</context>
<context>
    <name>GpuGauge</name>
    <message>
        <source>Utilisation {0}</source>
        <translation>利用率 {0}</translation>
    </message>
    <message>
        <source>VRAM {0}: ours {1}, not ours {2}</source>
        <translation>显存 {0}：本系统 {1}，非本系统进程 {2}</translation>
    </message>
</context>
<context>
    <name>GpuSection</name>
    <message>
        <source>Host</source>
        <translation>主机</translation>
    </message>
</context>
<context>
    <name>GpuTexts</name>
    <message>
        <source>Utilisation</source>
        <translation>利用率</translation>
    </message>
    <message>
        <source>Memory busy</source>
        <translation>显存利用率</translation>
    </message>
    <message>
        <source>VRAM of ours</source>
        <translation>本系统显存</translation>
    </message>
    <message>
        <source>VRAM not ours</source>
        <translation>非本系统显存</translation>
    </message>
    <message>
        <source>VRAM free</source>
        <translation>空闲显存</translation>
    </message>
    <message>
        <source>VRAM promised</source>
        <translation>已承诺显存</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Fan</source>
        <translation>风扇</translation>
    </message>
    <message>
        <source>Power</source>
        <translation>功率</translation>
    </message>
    <message>
        <source>ECC errors</source>
        <translation>ECC 错误</translation>
    </message>
    <message>
        <source>Clock</source>
        <translation>频率</translation>
    </message>
    <message>
        <source>Memory clock</source>
        <translation>显存频率</translation>
    </message>
    <message>
        <source>Last Xid</source>
        <translation>最近的 Xid</translation>
    </message>
    <message>
        <source>Capability</source>
        <translation>计算能力</translation>
    </message>
    <message>
        <source>PCI address</source>
        <translation>PCI 地址</translation>
    </message>
    <message>
        <source>NUMA node</source>
        <translation>NUMA 节点</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>{drawn} of {limit}</source>
        <translation>{drawn} / {limit}</translation>
    </message>
    <message>
        <source>on the same board</source>
        <translation>同一块板卡</translation>
    </message>
    <message>
        <source>one PCIe switch</source>
        <translation>一个 PCIe 交换芯片</translation>
    </message>
    <message>
        <source>PCIe switches</source>
        <translation>多个 PCIe 交换芯片</translation>
    </message>
    <message>
        <source>PCIe host bridge</source>
        <translation>PCIe 主桥</translation>
    </message>
    <message>
        <source>within a NUMA node</source>
        <translation>同一 NUMA 节点</translation>
    </message>
    <message>
        <source>between NUMA nodes</source>
        <translation>跨 NUMA 节点</translation>
    </message>
</context>
<context>
    <name>GroupLine</name>
    <message>
        <source>{ended} of {total} ended</source>
        <translation>共 {total} 个，已结束 {ended} 个</translation>
    </message>
    <message>
        <source>{count} failed</source>
        <translation>{count} 个失败</translation>
    </message>
    <message>
        <source>{count} timed out</source>
        <translation>{count} 个超时</translation>
    </message>
    <message>
        <source>{count} lost</source>
        <translation>{count} 个丢失</translation>
    </message>
    <message>
        <source>{count} cancelled</source>
        <translation>{count} 个已取消</translation>
    </message>
    <message>
        <source>{count} running</source>
        <translation>{count} 个运行中</translation>
    </message>
    <message>
        <source>{count} waiting</source>
        <translation>{count} 个等待中</translation>
    </message>
    <message>
        <source>{count} succeeded</source>
        <translation>{count} 个成功</translation>
    </message>
    <message>
        <source>{count} shown</source>
        <translation>显示 {count} 个</translation>
    </message>
    <message>
        <source>sweep {name}, open: {progress}</source>
        <translation>参数扫描 {name}，已展开：{progress}</translation>
    </message>
    <message>
        <source>sweep {name}, folded: {progress}</source>
        <translation>参数扫描 {name}，已折叠：{progress}</translation>
    </message>
</context>
<context>
    <name>GroupPanel</name>
    <message>
        <source>Hold back</source>
        <translation>暂缓</translation>
    </message>
    <message>
        <source>Release</source>
        <translation>放行</translation>
    </message>
    <message>
        <source>Stop all</source>
        <translation>全部停止</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Why they wait or failed</source>
        <translation>等待或失败的原因</translation>
    </message>
    <message>
        <source>Fold its runs</source>
        <translation>折叠其运行</translation>
    </message>
    <message>
        <source>Show its runs</source>
        <translation>显示其运行</translation>
    </message>
    <message>
        <source>runs</source>
        <translation>个运行</translation>
    </message>
    <message>
        <source>succeeded</source>
        <translation>成功</translation>
    </message>
    <message>
        <source>cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>timed out</source>
        <translation>超时</translation>
    </message>
    <message>
        <source>lost</source>
        <translation>丢失</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>running</source>
        <translation>运行中</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>等待中</translation>
    </message>
</context>
<context>
    <name>GroupRow</name>
    <message>
        <source>Show its runs</source>
        <translation>显示其运行</translation>
    </message>
</context>
<context>
    <name>HolderLines</name>
    <message>
        <source>and {count} more</source>
        <translation>还有 {count} 个</translation>
    </message>
    <message>
        <source>has it for itself</source>
        <translation>独占</translation>
    </message>
    <message>
        <source>container {name}</source>
        <translation>容器 {name}</translation>
    </message>
</context>
<context>
    <name>HostDetail</name>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>负载</translation>
    </message>
    <message>
        <source>Memory in use</source>
        <translation>已用内存</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Disk free</source>
        <translation>磁盘空闲</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>磁盘</translation>
    </message>
    <message>
        <source>Network in</source>
        <translation>网络接收</translation>
    </message>
    <message>
        <source>Network out</source>
        <translation>网络发送</translation>
    </message>
    <message>
        <source>Disk read</source>
        <translation>磁盘读取</translation>
    </message>
    <message>
        <source>Disk written</source>
        <translation>磁盘写入</translation>
    </message>
</context>
<context>
    <name>HoursField</name>
    <message>
        <source>Mo</source>
        <translation>一</translation>
    </message>
    <message>
        <source>Monday</source>
        <translation>星期一</translation>
    </message>
    <message>
        <source>Tu</source>
        <translation>二</translation>
    </message>
    <message>
        <source>Tuesday</source>
        <translation>星期二</translation>
    </message>
    <message>
        <source>We</source>
        <translation>三</translation>
    </message>
    <message>
        <source>Wednesday</source>
        <translation>星期三</translation>
    </message>
    <message>
        <source>Th</source>
        <translation>四</translation>
    </message>
    <message>
        <source>Thursday</source>
        <translation>星期四</translation>
    </message>
    <message>
        <source>Fr</source>
        <translation>五</translation>
    </message>
    <message>
        <source>Friday</source>
        <translation>星期五</translation>
    </message>
    <message>
        <source>Sa</source>
        <translation>六</translation>
    </message>
    <message>
        <source>Saturday</source>
        <translation>星期六</translation>
    </message>
    <message>
        <source>Su</source>
        <translation>日</translation>
    </message>
    <message>
        <source>Sunday</source>
        <translation>星期日</translation>
    </message>
    <message>
        <source>At any time.</source>
        <translation>任何时间。</translation>
    </message>
    <message>
        <source>Add hours</source>
        <translation>添加时段</translation>
    </message>
</context>
<context>
    <name>HoursRowView</name>
    <message>
        <source>Runs may start from</source>
        <translation>运行可以开始的时间，从</translation>
    </message>
    <message>
        <source>Runs may start until</source>
        <translation>运行可以开始的时间，到</translation>
    </message>
    <message>
        <source>next day</source>
        <translation>次日</translation>
    </message>
    <message>
        <source>Remove these hours</source>
        <translation>移除此时段</translation>
    </message>
    <message>
        <source>Write times from 00:00 to 24:00, such as 18:00.</source>
        <translation>时间为 00:00 到 24:00，例如 18:00。</translation>
    </message>
    <message>
        <source>24:00 ends a day. Begin at 00:00 of the next one.</source>
        <translation>24:00 是一天的结束。请从次日 00:00 开始。</translation>
    </message>
    <message>
        <source>This is no time at all. Write 00:00 – 24:00 for a whole day.</source>
        <translation>这不是一段时间。全天请写 00:00 – 24:00。</translation>
    </message>
    <message>
        <source>This can&apos;t be read. Remove it, or mend it in the text.</source>
        <translation>这一项无法读取。请移除，或在文本中修正。</translation>
    </message>
</context>
<context>
    <name>ImageView</name>
    <message>
        <source>Picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>This picture is empty.</source>
        <translation>此图片为空。</translation>
    </message>
    <message>
        <source>This picture takes {0}, too much to preview. Fetch the file.</source>
        <translation>此图片占用 {0}，太大而无法预览。请下载文件。</translation>
    </message>
    <message>
        <source>This isn&apos;t a picture that can be shown here.</source>
        <translation>这不是可以在此显示的图片。</translation>
    </message>
    <message>
        <source>This picture has {0} × {1} pixels, too many to preview. Fetch the file.</source>
        <translation>此图片有 {0} × {1} 像素，太大而无法预览。请下载文件。</translation>
    </message>
    <message>
        <source>This picture is damaged or not complete yet.</source>
        <translation>此图片已损坏或尚未写完。</translation>
    </message>
</context>
<context>
    <name>LinePlot</name>
    <message>
        <source>Plot</source>
        <translation>曲线图</translation>
    </message>
</context>
<context>
    <name>LineSection</name>
    <message>
        <source>Pause…</source>
        <translation>暂停…</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>恢复</translation>
    </message>
    <message>
        <source>What to pause: the whole line, or a tag</source>
        <translation>暂停什么：整个队列，或一个标签</translation>
    </message>
    <message>
        <source>The whole line, or a tag</source>
        <translation>整个队列，或一个标签</translation>
    </message>
    <message>
        <source>Why, for others to read</source>
        <translation>原因，供他人查看</translation>
    </message>
    <message>
        <source>Why the line is paused</source>
        <translation>暂停排队的原因</translation>
    </message>
    <message>
        <source>Pause the line</source>
        <translation>暂停排队</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>The line</source>
        <translation>排队</translation>
    </message>
    <message>
        <source>The whole line</source>
        <translation>整个队列</translation>
    </message>
    <message>
        <source>Pause the tag {tag}</source>
        <translation>暂停标签 {tag}</translation>
    </message>
    <message>
        <source>No run starts here now. {pause}</source>
        <translation>现在没有运行在这里启动。{pause}</translation>
    </message>
    <message>
        <source>Runs start as their turns come.</source>
        <translation>运行会按顺序启动。</translation>
    </message>
    <message>
        <source>Paused by {who} at {when}.</source>
        <translation>由 {who} 于 {when} 暂停。</translation>
    </message>
    <message>
        <source>Paused {when}.</source>
        <translation>于 {when} 暂停。</translation>
    </message>
    <message>
        <source>No run with the tag {tag} starts. {pause}</source>
        <translation>带标签 {tag} 的运行不会启动。{pause}</translation>
    </message>
    <message>
        <source>Resume the tag {tag}</source>
        <translation>恢复标签 {tag}</translation>
    </message>
</context>
<context>
    <name>LogCanvas</name>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>Nothing has been printed yet.</source>
        <translation>尚无输出。</translation>
    </message>
    <message>
        <source>… {0} more in this line</source>
        <translation>… 此行还有 {0}</translation>
    </message>
    <message>
        <source>{0} before this aren&apos;t kept in the window</source>
        <translation>窗口未保留此前的 {0}</translation>
    </message>
    <message>
        <source>{0} of the log are missing here</source>
        <translation>此处缺少日志 {0}</translation>
    </message>
    <message>
        <source>{0} were given up for the log&apos;s cap</source>
        <translation>因日志上限已舍弃 {0}</translation>
    </message>
    <message>
        <source>{0} are not loaded; double-click to load more</source>
        <translation>{0} 未加载；双击以加载更多</translation>
    </message>
</context>
<context>
    <name>LogPane</name>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Select all</source>
        <translation>全选</translation>
    </message>
    <message>
        <source>Find…</source>
        <translation>查找…</translation>
    </message>
    <message>
        <source>Times beside the lines</source>
        <translation>在行旁显示时间</translation>
    </message>
</context>
<context>
    <name>LogSaver</name>
    <message>
        <source>Save the log as</source>
        <translation>日志另存为</translation>
    </message>
    <message>
        <source>Saving {name}</source>
        <translation>正在保存 {name}</translation>
    </message>
    <message>
        <source>Saved {name}.</source>
        <translation>已保存 {name}。</translation>
    </message>
</context>
<context>
    <name>LogSearchPanel</name>
    <message>
        <source>Search all of the log on its machine</source>
        <translation>在机器上搜索整个日志</translation>
    </message>
    <message>
        <source>regular expression</source>
        <translation>正则表达式</translation>
    </message>
    <message>
        <source>match case</source>
        <translation>区分大小写</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Close the search</source>
        <translation>关闭搜索</translation>
    </message>
    <message>
        <source>Lines that match</source>
        <translation>匹配的行</translation>
    </message>
    <message>
        <source>one line</source>
        <translation>1 行</translation>
    </message>
    <message>
        <source>{count} lines</source>
        <translation>{count} 行</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>未找到</translation>
    </message>
</context>
<context>
    <name>LogTab</name>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>The log begins when the run is started.</source>
        <translation>运行启动后，日志从这里开始。</translation>
    </message>
    <message>
        <source>Back to the end</source>
        <translation>回到末尾</translation>
    </message>
    <message>
        <source>The run&apos;s files were removed {when}, and with them what it printed.</source>
        <translation>此运行的文件已于 {when} 删除，其输出内容也随之删除。</translation>
    </message>
    <message>
        <source>Errors</source>
        <translation>错误输出</translation>
    </message>
    <message>
        <source>Build</source>
        <translation>环境构建</translation>
    </message>
    <message>
        <source>{machine} can&apos;t be reached; the log comes as soon as it is back.</source>
        <translation>无法连接 {machine}；恢复连接后会显示日志。</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>It was never started.</source>
        <translation>它从未启动。</translation>
    </message>
    <message>
        <source>The log&apos;s cap can&apos;t be kept: {why}</source>
        <translation>无法保持日志上限：{why}</translation>
    </message>
    <message>
        <source>It printed nothing.</source>
        <translation>没有打印任何内容。</translation>
    </message>
    <message>
        <source>The log&apos;s file isn&apos;t there any more: somebody removed it from the machine. What the run printed can&apos;t be read again.</source>
        <translation>日志文件已不在：有人从机器上删除了它，运行打印的内容无法再读取。</translation>
    </message>
</context>
<context>
    <name>LogTools</name>
    <message>
        <source>Previous match</source>
        <translation>上一个匹配</translation>
    </message>
    <message>
        <source>Next match</source>
        <translation>下一个匹配</translation>
    </message>
    <message>
        <source>Search all of the log on its machine</source>
        <translation>在机器上搜索整个日志</translation>
    </message>
    <message>
        <source>Find in the log</source>
        <translation>在日志中查找</translation>
    </message>
    <message>
        <source>Following</source>
        <translation>跟随中</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>Follow the end</source>
        <translation>跟随末尾</translation>
    </message>
    <message>
        <source>Stay here</source>
        <translation>停在此处</translation>
    </message>
    <message>
        <source>Go to the beginning</source>
        <translation>跳到开头</translation>
    </message>
    <message>
        <source>{0} of {1}</source>
        <translation>第 {0} 个，共 {1} 个</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>未找到</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>正在查找…</translation>
    </message>
</context>
<context>
    <name>MachineCardView</name>
    <message>
        <source>And {count} more: open the machine to see them.</source>
        <translation>另有 {count} 项：打开机器查看。</translation>
    </message>
    <message>
        <source>online</source>
        <translation>在线</translation>
    </message>
    <message>
        <source>connecting</source>
        <translation>连接中</translation>
    </message>
    <message>
        <source>refused</source>
        <translation>被拒绝</translation>
    </message>
    <message>
        <source>unreachable</source>
        <translation>无法连接</translation>
    </message>
    <message>
        <source>unreachable, last seen {age} ago</source>
        <translation>无法连接，{age} 前有数据</translation>
    </message>
    <message>
        <source>no GPU</source>
        <translation>无 GPU</translation>
    </message>
    <message>
        <source>driver {version}</source>
        <translation>驱动 {version}</translation>
    </message>
    <message>
        <source>load {load} / {cpus}</source>
        <translation>负载 {load} / {cpus}</translation>
    </message>
    <message>
        <source>Nothing is known of it yet</source>
        <translation>尚无任何信息</translation>
    </message>
    <message>
        <source>GPU {gpu} is closed.</source>
        <translation>GPU {gpu} 已停用。</translation>
    </message>
    <message>
        <source>{by} closed GPU {gpu}.</source>
        <translation>{by} 停用了 GPU {gpu}。</translation>
    </message>
    <message>
        <source>{by} closed GPU {gpu}: {why}</source>
        <translation>{by} 停用了 GPU {gpu}：{why}</translation>
    </message>
    <message>
        <source>Free. Nothing waits for it.</source>
        <translation>空闲，没有运行在等待。</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>另有 {count} 项</translation>
    </message>
</context>
<context>
    <name>MachinePanel</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Look at the rules…</source>
        <translation>查看规则…</translation>
    </message>
    <message>
        <source>The owner&apos;s rules</source>
        <translation>所有者的规则</translation>
    </message>
    <message>
        <source>Which GPUs Lanherd may use, how many stay free, when, and for whom.</source>
        <translation>Lanherd 可以使用哪些 GPU、保留几块空闲、何时以及供谁使用。</translation>
    </message>
    <message>
        <source>Files of ended runs</source>
        <translation>已结束运行的文件</translation>
    </message>
    <message>
        <source>System</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>GPUs</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Driver</source>
        <translation>驱动</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>磁盘</translation>
    </message>
    <message>
        <source>Ending runs</source>
        <translation>结束运行</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账户</translation>
    </message>
    <message>
        <source>Agent</source>
        <translation>代理</translation>
    </message>
    <message>
        <source>Machine id</source>
        <translation>机器 ID</translation>
    </message>
    <message>
        <source>{free} of {total} free</source>
        <translation>{total} 中空闲 {free}</translation>
    </message>
    <message>
        <source>{os} · {count} CPUs</source>
        <translation>{os} · {count} 个 CPU</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>runs share the agent&apos;s user account</source>
        <translation>运行与代理共用同一用户账户</translation>
    </message>
    <message>
        <source>weak kill: this machine delegates no cgroup, so a run&apos;s processes are found one by one, and one that hides from that may stay</source>
        <translation>弱终止：此机器未委派 cgroup，运行的进程只能逐个查找，刻意躲避的进程可能残留</translation>
    </message>
    <message>
        <source>whole: each run has a cgroup of its own</source>
        <translation>完整：每个运行都有自己的 cgroup</translation>
    </message>
</context>
<context>
    <name>MachinesPage</name>
    <message>
        <source>Search, or free:&gt;20GB</source>
        <translation>搜索，或 free:&gt;20GB</translation>
    </message>
    <message>
        <source>New run</source>
        <translation>新建运行</translation>
    </message>
    <message>
        <source>Machines</source>
        <translation>机器</translation>
    </message>
    <message>
        <source>No machine matches</source>
        <translation>没有匹配的机器</translation>
    </message>
    <message>
        <source>Other words, or none, show more of them.</source>
        <translation>换一个词或清空，可显示更多。</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>清空搜索</translation>
    </message>
    <message>
        <source>No machine yet</source>
        <translation>还没有机器</translation>
    </message>
    <message>
        <source>Start an agent on a machine with GPUs. On this one, run: {command}. It appears here by itself.</source>
        <translation>请在有 GPU 的机器上启动代理。在本机上执行：{command}。机器会自动出现在这里。</translation>
    </message>
    <message>
        <source>Copy the command</source>
        <translation>复制命令</translation>
    </message>
    <message>
        <source>GPUs</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>free</source>
        <translation>空闲</translation>
    </message>
    <message>
        <source>VRAM in use</source>
        <translation>显存已用</translation>
    </message>
    <message>
        <source>running</source>
        <translation>运行中</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>Copied: {text}</source>
        <translation>已复制：{text}</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Machines</source>
        <translation>机器</translation>
    </message>
    <message>
        <source>Projects</source>
        <translation>项目</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Ctrl+K  anything</source>
        <translation>Ctrl+K  查找操作</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Undone: {change}</source>
        <translation>已撤销：{change}</translation>
    </message>
    <message>
        <source>{count} runs</source>
        <translation>{count} 个运行</translation>
    </message>
</context>
<context>
    <name>NavList</name>
    <message>
        <source>Fold the navigation</source>
        <translation>折叠导航栏</translation>
    </message>
    <message>
        <source>Navigation</source>
        <translation>导航</translation>
    </message>
    <message>
        <source>Unfold the navigation</source>
        <translation>展开导航栏</translation>
    </message>
</context>
<context>
    <name>OptionsSection</name>
    <message>
        <source>Options</source>
        <translation>选项</translation>
    </message>
    <message>
        <source>none, or such as 2h30m</source>
        <translation>无，或如 2h30m</translation>
    </message>
    <message>
        <source>hold it back until it is released</source>
        <translation>暂缓，直到放行</translation>
    </message>
    <message>
        <source>such as: sweep, baseline</source>
        <translation>例如：sweep, baseline</translation>
    </message>
    <message>
        <source>the project&apos;s root, if empty</source>
        <translation>留空则为项目根目录</translation>
    </message>
    <message>
        <source>must succeed before the command begins</source>
        <translation>须先成功，命令才会开始</translation>
    </message>
    <message>
        <source>comes after the command in any case</source>
        <translation>无论如何都在命令之后执行</translation>
    </message>
    <message>
        <source>the machine&apos;s own, or such as 2GB</source>
        <translation>按机器设置，或如 2GB</translation>
    </message>
    <message>
        <source>errors in a log of their own</source>
        <translation>错误输出单独成一份日志</translation>
    </message>
    <message>
        <source>Niceness</source>
        <translation>nice 值</translation>
    </message>
    <message>
        <source>Time limit</source>
        <translation>时限</translation>
    </message>
    <message>
        <source>and SIGKILL after</source>
        <translation>之后发送 SIGKILL：</translation>
    </message>
    <message>
        <source>Stop with</source>
        <translation>停止信号</translation>
    </message>
    <message>
        <source>if</source>
        <translation>条件</translation>
    </message>
    <message>
        <source>Attempts</source>
        <translation>尝试</translation>
    </message>
    <message>
        <source>Priority</source>
        <translation>优先级</translation>
    </message>
    <message>
        <source>Wait for</source>
        <translation>等待</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Begins in</source>
        <translation>工作目录</translation>
    </message>
    <message>
        <source>Before it</source>
        <translation>前置命令</translation>
    </message>
    <message>
        <source>After it</source>
        <translation>后置命令</translation>
    </message>
    <message>
        <source>Variables</source>
        <translation>变量</translation>
    </message>
    <message>
        <source>Secrets</source>
        <translation>机密</translation>
    </message>
    <message>
        <source>Log&apos;s cap</source>
        <translation>日志上限</translation>
    </message>
    <message>
        <source>Time before SIGKILL</source>
        <translation>发送 SIGKILL 之前的时间</translation>
    </message>
    <message>
        <source>One of the options can&apos;t be sent as it is: see beside it.</source>
        <translation>有一个选项需要修改：请看该选项旁的说明。</translation>
    </message>
    <message>
        <source>Options, {name}: {problem}</source>
        <translation>选项“{name}”：{problem}</translation>
    </message>
    <message>
        <source>time limit, retries, secrets and more</source>
        <translation>时限、重试、机密等</translation>
    </message>
    <message>
        <source>to succeed</source>
        <translation>成功</translation>
    </message>
    <message>
        <source>to end</source>
        <translation>结束</translation>
    </message>
    <message>
        <source>to be started</source>
        <translation>启动</translation>
    </message>
    <message>
        <source>A time is a number and a unit, such as 90min or 2h30m.</source>
        <translation>时间由数字和单位组成，例如 90min 或 2h30m。</translation>
    </message>
    <message>
        <source>A time limit is more than nothing and at most ten years.</source>
        <translation>时限须大于零，最多十年。</translation>
    </message>
    <message>
        <source>A time is a number and a unit, such as 30s or 2min.</source>
        <translation>时间由数字和单位组成，例如 30s 或 2min。</translation>
    </message>
    <message>
        <source>A machine waits at most a day before SIGKILL.</source>
        <translation>机器在发送 SIGKILL 之前最多等待一天。</translation>
    </message>
    <message>
        <source>Say after which end it is tried again.</source>
        <translation>请选择在哪种结束后重试。</translation>
    </message>
    <message>
        <source>That run is on another machine. Choose its machine, or any.</source>
        <translation>该运行在另一台机器上。请选择那台机器，或选择任意机器。</translation>
    </message>
    <message>
        <source>These runs are on several machines. Wait for runs of one of them.</source>
        <translation>这些运行在不同的机器上。请只等待同一台机器上的运行。</translation>
    </message>
    <message>
        <source>The same run is there twice. Leave one of them out.</source>
        <translation>同一个运行出现了两次。请去掉一个。</translation>
    </message>
    <message>
        <source>A run waits for at most 256 others.</source>
        <translation>一个运行最多等待 256 个其他运行。</translation>
    </message>
    <message>
        <source>A quote isn&apos;t closed.</source>
        <translation>有一个引号没有闭合。</translation>
    </message>
    <message>
        <source>&apos;{name}&apos; is no variable: write NAME=value.</source>
        <translation>“{name}”不是变量：请写成 NAME=value。</translation>
    </message>
    <message>
        <source>&apos;{name}&apos; can&apos;t name a secret: letters, digits and _ can.</source>
        <translation>“{name}”不能作为机密名：只能用字母、数字和 _。</translation>
    </message>
    <message>
        <source>&apos;{name}&apos; is there twice.</source>
        <translation>“{name}”出现了两次。</translation>
    </message>
    <message>
        <source>&apos;{name}&apos; has no value.</source>
        <translation>“{name}”没有值。</translation>
    </message>
    <message>
        <source>The value of &apos;{name}&apos; is larger than 64 KB.</source>
        <translation>“{name}”的值超过 64 KB。</translation>
    </message>
    <message>
        <source>A run has at most 64 secrets.</source>
        <translation>一个运行最多有 64 个机密。</translation>
    </message>
    <message>
        <source>A size is a number and a unit, such as 2GB.</source>
        <translation>大小由数字和单位组成，例如 2GB。</translation>
    </message>
    <message>
        <source>A log&apos;s cap is at least 1 MB.</source>
        <translation>日志上限至少为 1 MB。</translation>
    </message>
    <message>
        <source>It begins inside the project, or at a whole path: without &apos;..&apos;.</source>
        <translation>须在项目内，或为完整路径，不能含“..”。</translation>
    </message>
</context>
<context>
    <name>OutputPreview</name>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>No preview</source>
        <translation>无法预览</translation>
    </message>
    <message>
        <source>Files of this kind are not shown. Save it to look at it.</source>
        <translation>不支持预览此类文件。请保存后查看。</translation>
    </message>
    <message>
        <source>Too large for a preview</source>
        <translation>太大，无法预览</translation>
    </message>
    <message>
        <source>Save it to look at it in another program.</source>
        <translation>请保存后用其他程序查看。</translation>
    </message>
    <message>
        <source>Nothing chosen</source>
        <translation>未选择文件</translation>
    </message>
    <message>
        <source>Choose a file to look at it.</source>
        <translation>选择一个文件即可查看。</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>This picture can&apos;t be shown.</source>
        <translation>无法显示此图片。</translation>
    </message>
</context>
<context>
    <name>OutputsPage</name>
    <message>
        <source>Outputs</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>No outputs yet</source>
        <translation>还没有输出</translation>
    </message>
    <message>
        <source>Files that runs leave behind are collected here.</source>
        <translation>各次运行留下的文件汇集在这里。</translation>
    </message>
</context>
<context>
    <name>OutputsPanel</name>
    <message>
        <source>Outputs</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>No outputs yet</source>
        <translation>还没有输出</translation>
    </message>
    <message>
        <source>What the run writes into the folder $LANHERD_OUTPUTS appears here at once.</source>
        <translation>运行写入 $LANHERD_OUTPUTS 文件夹的内容会立即出现在这里。</translation>
    </message>
    <message>
        <source>Its files were removed</source>
        <translation>文件已删除</translation>
    </message>
    <message>
        <source>By hand, or by the machine&apos;s rules for old runs. A pinned run keeps its own.</source>
        <translation>由人手动删除，或按机器对旧运行的规则删除。已固定的运行会保留文件。</translation>
    </message>
    <message>
        <source>Save the output as</source>
        <translation>输出另存为</translation>
    </message>
    <message>
        <source>Saved {name}.</source>
        <translation>已保存 {name}。</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Changed</source>
        <translation>修改时间</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>1 entry is not shown: it is no plain file, its name can&apos;t be written, or it can&apos;t be read.</source>
        <translation>有 1 项未显示：它不是普通文件、名称无法写出，或无法读取。</translation>
    </message>
    <message>
        <source>{count} entries are not shown: they are no plain files, their names can&apos;t be written, or they can&apos;t be read.</source>
        <translation>有 {count} 项未显示：它们不是普通文件、名称无法写出，或无法读取。</translation>
    </message>
    <message>
        <source>There are more outputs than a listing holds.</source>
        <translation>输出多于列表所能容纳的数量。</translation>
    </message>
</context>
<context>
    <name>Palette</name>
    <message>
        <source>Find an action</source>
        <translation>查找操作</translation>
    </message>
    <message>
        <source>What do you want to do?</source>
        <translation>想做什么？</translation>
    </message>
    <message>
        <source>Actions</source>
        <translation>操作</translation>
    </message>
    <message>
        <source>No action matches</source>
        <translation>没有匹配的操作</translation>
    </message>
    <message>
        <source>Other words, or none, show more of them.</source>
        <translation>换一个词或清空，可显示更多。</translation>
    </message>
</context>
<context>
    <name>PastSection</name>
    <message>
        <source>The past</source>
        <translation>历史</translation>
    </message>
    <message>
        <source>10 min</source>
        <translation>10 分钟</translation>
    </message>
    <message>
        <source>6 h</source>
        <translation>6 小时</translation>
    </message>
    <message>
        <source>7 days</source>
        <translation>7 天</translation>
    </message>
    <message>
        <source>Utilisation</source>
        <translation>利用率</translation>
    </message>
    <message>
        <source>VRAM</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>ours</source>
        <translation>本系统</translation>
    </message>
    <message>
        <source>in all</source>
        <translation>总计</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Power</source>
        <translation>功率</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>in</source>
        <translation>接收</translation>
    </message>
    <message>
        <source>out</source>
        <translation>发送</translation>
    </message>
</context>
<context>
    <name>ProjectsPage</name>
    <message>
        <source>No project yet</source>
        <translation>还没有项目</translation>
    </message>
    <message>
        <source>A project is a folder with your code. Drop one here, or choose it.</source>
        <translation>项目就是存放代码的文件夹。把它拖到这里，或选择一个。</translation>
    </message>
    <message>
        <source>Add a project</source>
        <translation>添加项目</translation>
    </message>
    <message>
        <source>Projects</source>
        <translation>项目</translation>
    </message>
    <message>
        <source>Remove from the list</source>
        <translation>从列表中移除</translation>
    </message>
    <message>
        <source>New run</source>
        <translation>新建运行</translation>
    </message>
    <message>
        <source>Runs of this project</source>
        <translation>此项目的运行</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Choose the project&apos;s folder</source>
        <translation>选择项目文件夹</translation>
    </message>
    <message>
        <source>runs</source>
        <translation>次运行</translation>
    </message>
    <message>
        <source>Reading the folder…</source>
        <translation>正在读取文件夹…</translation>
    </message>
    <message>
        <source>Its environment is built from {lock}.</source>
        <translation>其环境根据 {lock} 构建。</translation>
    </message>
    <message>
        <source>Its environment is made of {source}: each machine chooses the versions once and keeps to them.</source>
        <translation>其环境根据 {source} 生成：每台机器选定一次版本后便保持不变。</translation>
    </message>
    <message>
        <source>Its runs use the environment {name} of the machine.</source>
        <translation>其运行使用机器上的环境 {name}。</translation>
    </message>
    <message>
        <source>It has no lock, so its runs use the machine&apos;s own Python.</source>
        <translation>项目没有锁定文件，运行时使用机器自带的 Python。</translation>
    </message>
</context>
<context>
    <name>ResumeLine</name>
    <message>
        <source>Resume the line</source>
        <translation>恢复排队</translation>
    </message>
    <message>
        <source>Resume the tag</source>
        <translation>恢复标签</translation>
    </message>
    <message>
        <source>Resume the tag {tag}</source>
        <translation>恢复标签 {tag}</translation>
    </message>
    <message>
        <source>Resumed; it waits its turn again in a moment.</source>
        <translation>已恢复；稍后将重新排队。</translation>
    </message>
    <message>
        <source>Ask an operator of the machine.</source>
        <translation>请联系该机器的操作员。</translation>
    </message>
</context>
<context>
    <name>RetentionSection</name>
    <message>
        <source>Show what would go</source>
        <translation>查看将删除什么</translation>
    </message>
    <message>
        <source>Save the rules</source>
        <translation>保存规则</translation>
    </message>
    <message>
        <source>Remove now…</source>
        <translation>立即删除…</translation>
    </message>
    <message>
        <source>Keep files for</source>
        <translation>文件保留时长</translation>
    </message>
    <message>
        <source>for ever, or such as 30d</source>
        <translation>永久，或如 30d</translation>
    </message>
    <message>
        <source>any size, or such as 200GB</source>
        <translation>不限，或如 200GB</translation>
    </message>
    <message>
        <source>Leave free</source>
        <translation>保留空闲</translation>
    </message>
    <message>
        <source>nothing, or such as 50GB</source>
        <translation>不要求，或如 50GB</translation>
    </message>
    <message>
        <source>Keep the newest</source>
        <translation>保留最新的运行</translation>
    </message>
    <message>
        <source>all runs, or such as 500</source>
        <translation>全部，或如 500</translation>
    </message>
    <message>
        <source>Keep at most</source>
        <translation>最多保留</translation>
    </message>
    <message>
        <source>such as 2GB</source>
        <translation>例如 2GB</translation>
    </message>
    <message>
        <source>No new run below</source>
        <translation>低于此值不启动运行</translation>
    </message>
    <message>
        <source>{count} ended runs hold {size}.</source>
        <translation>{count} 个已结束的运行占用 {size}。</translation>
    </message>
    <message>
        <source>{free} of the disk are free.</source>
        <translation>磁盘空闲 {free}。</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Save these rules and remove these files?</source>
        <translation>保存这些规则并删除这些文件？</translation>
    </message>
    <message>
        <source>The machine applies rules at once. Logs, outputs and working files go; the runs themselves stay in the list.</source>
        <translation>机器会立即执行规则。日志、输出和工作文件会被删除；运行本身仍留在列表中。</translation>
    </message>
    <message>
        <source>Save and remove</source>
        <translation>保存并删除</translation>
    </message>
    <message>
        <source>The machine keeps to these rules now.</source>
        <translation>机器已开始按这些规则执行。</translation>
    </message>
    <message>
        <source>Nothing would go.</source>
        <translation>不会删除任何内容。</translation>
    </message>
    <message>
        <source>The files of {count} runs would go: {size}.</source>
        <translation>将删除 {count} 个运行的文件：{size}。</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>另有 {count} 个运行</translation>
    </message>
    <message>
        <source>Remove these files now?</source>
        <translation>现在删除这些文件？</translation>
    </message>
    <message>
        <source>Logs, outputs and working files go; the runs themselves stay in the list.</source>
        <translation>日志、输出和工作文件会被删除；运行本身仍留在列表中。</translation>
    </message>
    <message>
        <source>Remove the files</source>
        <translation>删除文件</translation>
    </message>
    <message>
        <source>Removing the files of {count} runs: {size}.</source>
        <translation>正在删除 {count} 个运行的文件：{size}。</translation>
    </message>
    <message>
        <source>A time is a number and a unit, such as 30d.</source>
        <translation>时间由数字和单位组成，例如 30d。</translation>
    </message>
    <message>
        <source>Write a whole number.</source>
        <translation>请填写整数。</translation>
    </message>
    <message>
        <source>A size is a number and a unit, such as 200GB.</source>
        <translation>大小由数字和单位组成，例如 200GB。</translation>
    </message>
    <message>
        <source>Write a bound above zero, or leave it empty.</source>
        <translation>请填写大于零的上限，或留空。</translation>
    </message>
    <message>
        <source>No run is started below the last line: runs would wait before a file is removed. Let more stay free, or let runs start with less.</source>
        <translation>低于最后一行的值时不启动运行：还没删除任何文件，运行就要等待。请留出更多空间，或降低启动运行所需的空间。</translation>
    </message>
    <message>
        <source>The machine&apos;s disk has {disk} in all. Ask for less.</source>
        <translation>这台机器的磁盘共有 {disk}。请改小。</translation>
    </message>
    <message>
        <source>Say below how much free disk no run is started.</source>
        <translation>请填写磁盘空闲低于多少时不启动运行。</translation>
    </message>
</context>
<context>
    <name>Rules</name>
    <message>
        <source>GPUs</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Beside others</source>
        <translation>与其他进程共处</translation>
    </message>
    <message>
        <source>Ceilings</source>
        <translation>上限</translation>
    </message>
    <message>
        <source>Hours</source>
        <translation>时段</translation>
    </message>
    <message>
        <source>When something goes wrong</source>
        <translation>出现问题时</translation>
    </message>
    <message>
        <source>Order of the line</source>
        <translation>排队顺序</translation>
    </message>
    <message>
        <source>GPUs that Lanherd may use</source>
        <translation>Lanherd 可以使用的 GPU</translation>
    </message>
    <message>
        <source>GPUs to keep free of runs</source>
        <translation>保留不放运行的 GPU 数</translation>
    </message>
    <message>
        <source>Which GPU first</source>
        <translation>优先使用哪块 GPU</translation>
    </message>
    <message>
        <source>A run has its GPU for itself</source>
        <translation>运行独占其 GPU</translation>
    </message>
    <message>
        <source>Share of VRAM to promise at most</source>
        <translation>最多承诺的显存比例</translation>
    </message>
    <message>
        <source>Beside processes that are not ours</source>
        <translation>有非本系统进程时</translation>
    </message>
    <message>
        <source>Quiet before a GPU counts as free</source>
        <translation>安静多久后 GPU 视为空闲</translation>
    </message>
    <message>
        <source>No new run above °C</source>
        <translation>高于此温度（°C）不启动运行</translation>
    </message>
    <message>
        <source>No new run above W, all GPUs</source>
        <translation>所有 GPU 合计高于此功率（W）不启动运行</translation>
    </message>
    <message>
        <source>Most runs at once</source>
        <translation>同时最多运行数</translation>
    </message>
    <message>
        <source>Times of day at which runs may start</source>
        <translation>运行可以开始的时段</translation>
    </message>
    <message>
        <source>More VRAM than was promised</source>
        <translation>显存超出承诺时</translation>
    </message>
    <message>
        <source>Failures until a GPU is closed</source>
        <translation>连续失败几次后停用 GPU</translation>
    </message>
    <message>
        <source>Pause after two failures</source>
        <translation>连续两次失败后的暂停</translation>
    </message>
    <message>
        <source>Small runs may fill gaps</source>
        <translation>小运行可以填补空隙</translation>
    </message>
    <message>
        <source>A wait that counts as one priority</source>
        <translation>相当于一级优先级的等待时间</translation>
    </message>
    <message>
        <source>Users share the machine fairly</source>
        <translation>用户公平共享机器</translation>
    </message>
    <message>
        <source>Past use counts half after</source>
        <translation>过往用量减半的时间</translation>
    </message>
    <message>
        <source>the fullest with room</source>
        <translation>有空间的 GPU 中最满的</translation>
    </message>
    <message>
        <source>the one with the fewest runs</source>
        <translation>运行最少的</translation>
    </message>
    <message>
        <source>the coldest</source>
        <translation>温度最低的</translation>
    </message>
    <message>
        <source>the one with most free VRAM</source>
        <translation>空闲显存最多的</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>take what they leave</source>
        <translation>使用剩余部分</translation>
    </message>
    <message>
        <source>wait until they are gone</source>
        <translation>等到它们离开</translation>
    </message>
    <message>
        <source>say so</source>
        <translation>给出提示</translation>
    </message>
    <message>
        <source>stop the run</source>
        <translation>停止运行</translation>
    </message>
    <message>
        <source>all, or such as 0, 1</source>
        <translation>全部，或如 0, 1</translation>
    </message>
    <message>
        <source>any, or such as 85</source>
        <translation>不限，或如 85</translation>
    </message>
    <message>
        <source>any, or such as 1200</source>
        <translation>不限，或如 1200</translation>
    </message>
    <message>
        <source>{value}, if nothing is said</source>
        <translation>未填写时为 {value}</translation>
    </message>
    <message>
        <source>This is no TOML.</source>
        <translation>这不是 TOML。</translation>
    </message>
    <message>
        <source>The rules can&apos;t be read.</source>
        <translation>规则无法读取。</translation>
    </message>
    <message>
        <source>There is no rule {key}.</source>
        <translation>没有规则 {key}。</translation>
    </message>
    <message>
        <source>{key} can&apos;t have this value.</source>
        <translation>{key} 不能是这个值。</translation>
    </message>
    <message>
        <source>{key} contradicts other rules.</source>
        <translation>{key} 与其他规则矛盾。</translation>
    </message>
    <message>
        <source>This machine has no GPU {gpu}.</source>
        <translation>这台机器没有 GPU {gpu}。</translation>
    </message>
    <message>
        <source>Write one &apos;key = value&apos; on each line; text is in quotes.</source>
        <translation>每行写一个“键 = 值”；文本要加引号。</translation>
    </message>
    <message>
        <source>Did you mean {name}?</source>
        <translation>是不是 {name}？</translation>
    </message>
    <message>
        <source>Write {key} = {example}, say.</source>
        <translation>例如写 {key} = {example}。</translation>
    </message>
    <message>
        <source>Change it, or the rule that it contradicts.</source>
        <translation>请更改它，或更改与它矛盾的规则。</translation>
    </message>
    <message>
        <source>Name GPUs that the machine has.</source>
        <translation>请写机器上有的 GPU。</translation>
    </message>
</context>
<context>
    <name>RulesEditor</name>
    <message>
        <source>Bring back the last good ones</source>
        <translation>恢复上次有效的规则</translation>
    </message>
    <message>
        <source>Save the rules</source>
        <translation>保存规则</translation>
    </message>
    <message>
        <source>Overwrite it with mine</source>
        <translation>用我的覆盖</translation>
    </message>
    <message>
        <source>The fields are back as soon as the text can be read.</source>
        <translation>文本可读后，表单会重新显示。</translation>
    </message>
    <message>
        <source>Back to the machines</source>
        <translation>返回机器</translation>
    </message>
    <message>
        <source>Rules of {machine}</source>
        <translation>{machine} 的规则</translation>
    </message>
    <message>
        <source>Asking the machine for its rules.</source>
        <translation>正在向机器获取规则。</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>还有 {count} 个</translation>
    </message>
    <message>
        <source>The machine&apos;s file is kept out; the last good rules hold since {when}.</source>
        <translation>机器上的文件未被采用；上次有效的规则自 {when} 起生效。</translation>
    </message>
    <message>
        <source>They hold since {when}.</source>
        <translation>自 {when} 起生效。</translation>
    </message>
    <message>
        <source>What you changed is not saved yet.</source>
        <translation>您的更改尚未保存。</translation>
    </message>
    <message>
        <source>These rules hold now.</source>
        <translation>这些规则现已生效。</translation>
    </message>
    <message>
        <source>Somebody else has changed the rules meanwhile.</source>
        <translation>其间有其他人更改了规则。</translation>
    </message>
    <message>
        <source>Yours were not sent, so that nothing of theirs is lost.</source>
        <translation>您的更改没有发送，以免丢失对方的更改。</translation>
    </message>
    <message>
        <source>Load theirs: yours can be had back by undoing. Or overwrite theirs.</source>
        <translation>可载入对方的版本：撤销即可找回您的。也可覆盖对方的版本。</translation>
    </message>
    <message>
        <source>Load theirs</source>
        <translation>载入对方的版本</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Leave without saving?</source>
        <translation>不保存就离开？</translation>
    </message>
    <message>
        <source>What you changed in these rules would be lost.</source>
        <translation>您对这些规则的更改将会丢失。</translation>
    </message>
    <message>
        <source>Leave</source>
        <translation>离开</translation>
    </message>
</context>
<context>
    <name>RulesFields</name>
    <message>
        <source>Users and tags</source>
        <translation>用户和标签</translation>
    </message>
    <message>
        <source>{value} (usual)</source>
        <translation>{value}（默认）</translation>
    </message>
    <message>
        <source>user</source>
        <translation>用户</translation>
    </message>
    <message>
        <source>tag</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>A user or a tag</source>
        <translation>用户或标签</translation>
    </message>
    <message>
        <source>name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Name of the user or tag</source>
        <translation>用户或标签的名称</translation>
    </message>
    <message>
        <source>Add a bound</source>
        <translation>添加限制</translation>
    </message>
</context>
<context>
    <name>RulesText</name>
    <message>
        <source>The rules as text</source>
        <translation>规则文本</translation>
    </message>
</context>
<context>
    <name>RunCommands</name>
    <message>
        <source>Changed {what}.</source>
        <translation>已更改{what}。</translation>
    </message>
    <message>
        <source>The ids of {what} were copied.</source>
        <translation>已复制{what}的 ID。</translation>
    </message>
    <message>
        <source>The run&apos;s id was copied.</source>
        <translation>已复制运行 ID。</translation>
    </message>
    <message>
        <source>{machine} can&apos;t be reached; the run will be asked to stop as soon as it is back.</source>
        <translation>无法连接 {machine}；一恢复连接就会要求该运行停止。</translation>
    </message>
    <message>
        <source>Stop {what} at once?</source>
        <translation>立即停止{what}？</translation>
    </message>
    <message>
        <source>Stop {what}?</source>
        <translation>停止{what}？</translation>
    </message>
    <message>
        <source>Those that wait leave the line, those that run are asked to end.</source>
        <translation>等待中的将离开队列，运行中的将被要求结束。</translation>
    </message>
    <message>
        <source>Stop them</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Nothing of its own cleanup is done: what it has not saved is lost.</source>
        <translation>不会进行任何清理：未保存的内容将丢失。</translation>
    </message>
    <message>
        <source>Stop at once</source>
        <translation>立即停止</translation>
    </message>
    <message>
        <source>Restarted {what} as new.</source>
        <translation>已将{what}作为新运行重新启动。</translation>
    </message>
    <message>
        <source>Logs, outputs and working files go; the run itself stays in the list.</source>
        <translation>日志、输出和工作文件会被删除；运行本身仍留在列表中。</translation>
    </message>
    <message>
        <source>Remove the files of {what}?</source>
        <translation>删除{what}的文件？</translation>
    </message>
    <message>
        <source>Remove the files</source>
        <translation>删除文件</translation>
    </message>
    <message>
        <source>Removed the files of {what}.</source>
        <translation>已删除{what}的文件。</translation>
    </message>
    <message>
        <source>Held back {what}.</source>
        <translation>已暂缓{what}。</translation>
    </message>
    <message>
        <source>Released {what}.</source>
        <translation>已放行{what}。</translation>
    </message>
    <message>
        <source>Pinned {what}: its files stay.</source>
        <translation>已固定{what}：文件会保留。</translation>
    </message>
    <message>
        <source>Unpinned {what}.</source>
        <translation>已取消固定{what}。</translation>
    </message>
    <message>
        <source>Raised the priority of {what}.</source>
        <translation>已提高{what}的优先级。</translation>
    </message>
    <message>
        <source>Lowered the priority of {what}.</source>
        <translation>已降低{what}的优先级。</translation>
    </message>
    <message>
        <source>It failed for {failed} of {count} runs.</source>
        <translation>{count} 个运行中有 {failed} 个失败。</translation>
    </message>
    <message>
        <source>{machine} can&apos;t be reached; it will be asked as soon as it is back.</source>
        <translation>无法连接 {machine}；恢复连接后会立即执行。</translation>
    </message>
    <message>
        <source>&apos;{title}&apos;</source>
        <translation>“{title}”</translation>
    </message>
    <message>
        <source>{count} runs</source>
        <translation>{count} 个运行</translation>
    </message>
    <message>
        <source>one run at a time</source>
        <translation>一次只能移动一个运行</translation>
    </message>
    <message>
        <source>it doesn&apos;t wait</source>
        <translation>该运行不在等待</translation>
    </message>
    <message>
        <source>it is held back</source>
        <translation>该运行已暂缓</translation>
    </message>
    <message>
        <source>it doesn&apos;t wait for its turn yet</source>
        <translation>尚未开始排队</translation>
    </message>
    <message>
        <source>no other run waits on its machine</source>
        <translation>其机器上没有其他等待的运行</translation>
    </message>
    <message>
        <source>Moved {what} ahead of &apos;{other}&apos;.</source>
        <translation>已将{what}移到“{other}”之前。</translation>
    </message>
    <message>
        <source>Moved {what} behind &apos;{other}&apos;.</source>
        <translation>已将{what}移到“{other}”之后。</translation>
    </message>
    <message>
        <source>{what} is the first in the line already.</source>
        <translation>{what}已在队首。</translation>
    </message>
    <message>
        <source>{what} is the last in the line already.</source>
        <translation>{what}已在队尾。</translation>
    </message>
    <message>
        <source>{what} is not in the part of the line that the machine lists. Its priority moves it farther.</source>
        <translation>{what}不在机器列出的那部分排队中。可以用优先级移得更远。</translation>
    </message>
</context>
<context>
    <name>RunDetail</name>
    <message>
        <source>Run again…</source>
        <translation>再次运行…</translation>
    </message>
    <message>
        <source>Release</source>
        <translation>放行</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Overview</source>
        <translation>概览</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>Attempt {number} of {count}</source>
        <translation>第 {number} 次尝试，共 {count} 次</translation>
    </message>
    <message>
        <source>Attempt {number} · {state}</source>
        <translation>第 {number} 次尝试 · {state}</translation>
    </message>
    <message>
        <source>GPU {index} on {machine}</source>
        <translation>{machine} 的 GPU {index}</translation>
    </message>
    <message>
        <source>of {asked} asked</source>
        <translation>申请 {asked}</translation>
    </message>
    <message>
        <source>machine</source>
        <translation>机器</translation>
    </message>
    <message>
        <source>attempt</source>
        <translation>次尝试</translation>
    </message>
    <message>
        <source>of {count} attempts</source>
        <translation>/ {count} 次尝试</translation>
    </message>
    <message>
        <source>until its time is over</source>
        <translation>后时限到</translation>
    </message>
    <message>
        <source>until the next attempt</source>
        <translation>后下一次尝试</translation>
    </message>
    <message>
        <source>until it is killed</source>
        <translation>后强制终止</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>已等待</translation>
    </message>
    <message>
        <source>preparing</source>
        <translation>已准备</translation>
    </message>
    <message>
        <source>in all</source>
        <translation>总时长</translation>
    </message>
    <message>
        <source>running</source>
        <translation>已运行</translation>
    </message>
    <message>
        <source>so far</source>
        <translation>已用时</translation>
    </message>
</context>
<context>
    <name>RunLinks</name>
    <message>
        <source>run {id}, not in the list any more</source>
        <translation>运行 {id}，已不在列表中</translation>
    </message>
</context>
<context>
    <name>RunListPane</name>
    <message>
        <source>Filter, or state:running tag:sweep</source>
        <translation>筛选，或 state:running tag:sweep</translation>
    </message>
    <message>
        <source>New run</source>
        <translation>新建运行</translation>
    </message>
    <message>
        <source>No run matches</source>
        <translation>没有匹配的运行</translation>
    </message>
    <message>
        <source>Other words, or none, show more of them.</source>
        <translation>换一个词或清空，可显示更多。</translation>
    </message>
    <message>
        <source>Clear the filter</source>
        <translation>清空筛选</translation>
    </message>
</context>
<context>
    <name>RunOverview</name>
    <message>
        <source>Why</source>
        <translation>原因</translation>
    </message>
    <message>
        <source>Sweep</source>
        <translation>参数扫描</translation>
    </message>
    <message>
        <source>Waits for</source>
        <translation>等待</translation>
    </message>
    <message>
        <source>Attempts</source>
        <translation>尝试</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>Priority</source>
        <translation>优先级</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>Before it</source>
        <translation>前置命令</translation>
    </message>
    <message>
        <source>After it</source>
        <translation>后置命令</translation>
    </message>
    <message>
        <source>Begins in</source>
        <translation>工作目录</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>机器</translation>
    </message>
    <message>
        <source>GPUs</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>项目</translation>
    </message>
    <message>
        <source>Snapshot</source>
        <translation>快照</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>环境</translation>
    </message>
    <message>
        <source>Secrets</source>
        <translation>机密</translation>
    </message>
    <message>
        <source>Time limit</source>
        <translation>时限</translation>
    </message>
    <message>
        <source>Tried again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Stopped by</source>
        <translation>停止方式</translation>
    </message>
    <message>
        <source>Niceness</source>
        <translation>nice 值</translation>
    </message>
    <message>
        <source>Its log</source>
        <translation>日志设置</translation>
    </message>
    <message>
        <source>Owner</source>
        <translation>所有者</translation>
    </message>
    <message>
        <source>Submitted</source>
        <translation>提交时间</translation>
    </message>
    <message>
        <source>Started</source>
        <translation>开始时间</translation>
    </message>
    <message>
        <source>Ended</source>
        <translation>结束时间</translation>
    </message>
    <message>
        <source>Exit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>attempt {number}</source>
        <translation>第 {number} 次</translation>
    </message>
    <message>
        <source>weak kill: it delegates no cgroup, so processes are found one by one</source>
        <translation>弱终止：未委派 cgroup，进程只能逐个查找</translation>
    </message>
    <message>
        <source>Variables</source>
        <translation>环境变量</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Repeats</source>
        <translation>重复自</translation>
    </message>
    <message>
        <source>Run id</source>
        <translation>运行 ID</translation>
    </message>
</context>
<context>
    <name>RunSizes</name>
    <message>
        <source>Logs hold {log} and outputs {output} at least.</source>
        <translation>日志至少占用 {log}，输出至少占用 {output}。</translation>
    </message>
    <message>
        <source>The log holds {log}, and its one output {output}.</source>
        <translation>日志占用 {log}，1 个输出占用 {output}。</translation>
    </message>
    <message>
        <source>The log holds {log}, and {count} outputs hold {output}.</source>
        <translation>日志占用 {log}，{count} 个输出占用 {output}。</translation>
    </message>
    <message>
        <source>The log holds {log}; there are no outputs.</source>
        <translation>日志占用 {log}；没有输出。</translation>
    </message>
</context>
<context>
    <name>RunTexts</name>
    <message>
        <source>none asked for</source>
        <translation>未请求</translation>
    </message>
    <message>
        <source>{count} asked for</source>
        <translation>请求 {count} 个</translation>
    </message>
    <message>
        <source>{vram} each</source>
        <translation>每个 {vram}</translation>
    </message>
    <message>
        <source>for itself</source>
        <translation>独占</translation>
    </message>
    <message>
        <source>from {lock} ({hash})</source>
        <translation>来自 {lock}（{hash}）</translation>
    </message>
    <message>
        <source>made of {source}, locked there</source>
        <translation>根据 {source} 生成，在该机器上锁定</translation>
    </message>
    <message>
        <source>{name}, registered there</source>
        <translation>{name}（已在该机器上登记）</translation>
    </message>
    <message>
        <source>the machine&apos;s own</source>
        <translation>机器自带</translation>
    </message>
    <message>
        <source>code {code}</source>
        <translation>退出码 {code}</translation>
    </message>
    <message>
        <source>signal {signal}</source>
        <translation>信号 {signal}</translation>
    </message>
    <message>
        <source>it failed</source>
        <translation>失败时</translation>
    </message>
    <message>
        <source>it was lost</source>
        <translation>丢失时</translation>
    </message>
    <message>
        <source>its time was over</source>
        <translation>超时时</translation>
    </message>
    <message>
        <source> or </source>
        <translation>或</translation>
    </message>
    <message>
        <source>up to {count} attempts, when {causes}; the first pause is {pause}</source>
        <translation>{causes}重试，最多 {count} 次；首次间隔 {pause}</translation>
    </message>
    <message>
        <source>only exit codes and signals {codes}</source>
        <translation>仅限退出码和信号 {codes}</translation>
    </message>
    <message>
        <source>SIG{signal}, and SIGKILL after {grace}</source>
        <translation>SIG{signal}，{grace} 后 SIGKILL</translation>
    </message>
    <message>
        <source>{limit} for each attempt</source>
        <translation>每次尝试 {limit}</translation>
    </message>
    <message>
        <source>errors in a log of their own</source>
        <translation>错误输出单独成一份日志</translation>
    </message>
    <message>
        <source>at most {size}, its middle goes first</source>
        <translation>最多 {size}，先舍弃中间部分</translation>
    </message>
    <message>
        <source>removed {when}, by hand or by the machine&apos;s rules for old runs</source>
        <translation>已于 {when} 删除，由人手动或按机器对旧运行的规则</translation>
    </message>
    <message>
        <source>pinned: they stay until it is unpinned</source>
        <translation>已固定：取消固定前一直保留</translation>
    </message>
    <message>
        <source>until it was started</source>
        <translation>直到它启动</translation>
    </message>
    <message>
        <source>until it succeeded</source>
        <translation>直到它成功</translation>
    </message>
    <message>
        <source>until it ended</source>
        <translation>直到它结束</translation>
    </message>
</context>
<context>
    <name>RunsPage</name>
    <message>
        <source>Runs</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>No run yet</source>
        <translation>还没有运行</translation>
    </message>
    <message>
        <source>A run is a command with a snapshot of your project, on a GPU that fits.</source>
        <translation>一次运行就是一条命令，带着项目的快照，在合适的 GPU 上执行。</translation>
    </message>
    <message>
        <source>New run</source>
        <translation>新建运行</translation>
    </message>
</context>
<context>
    <name>SearchField</name>
    <message>
        <source>Clear</source>
        <translation>清空</translation>
    </message>
</context>
<context>
    <name>SecretFields</name>
    <message>
        <source>Add a secret</source>
        <translation>添加机密</translation>
    </message>
    <message>
        <source>The command finds it as a file in the folder $LANHERD_SECRETS.</source>
        <translation>命令可在文件夹 $LANHERD_SECRETS 中以文件形式读取它。</translation>
    </message>
</context>
<context>
    <name>SecretRow</name>
    <message>
        <source>Name of the secret</source>
        <translation>机密名</translation>
    </message>
    <message>
        <source>its value</source>
        <translation>它的值</translation>
    </message>
    <message>
        <source>Value of the secret</source>
        <translation>机密的值</translation>
    </message>
    <message>
        <source>Remove this secret</source>
        <translation>移除此机密</translation>
    </message>
</context>
<context>
    <name>SettingsEditor</name>
    <message>
        <source>Tags and notes</source>
        <translation>标签和备注</translation>
    </message>
    <message>
        <source>such as: sweep, baseline</source>
        <translation>例如：sweep, baseline</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>What is this run about?</source>
        <translation>这个运行是做什么的？</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>A run has at most {n} tags.</source>
        <translation>一个运行最多有 {n} 个标签。</translation>
    </message>
    <message>
        <source>A tag has at most {n} characters.</source>
        <translation>标签最多 {n} 个字符。</translation>
    </message>
    <message>
        <source>Notes have at most {n} characters.</source>
        <translation>备注最多 {n} 个字符。</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>This device</source>
        <translation>本设备</translation>
    </message>
    <message>
        <source>Its data</source>
        <translation>数据目录</translation>
    </message>
    <message>
        <source>Version</source>
        <translation>版本</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
</context>
<context>
    <name>ShareRow</name>
    <message>
        <source>user {name}</source>
        <translation>用户 {name}</translation>
    </message>
    <message>
        <source>tag {name}</source>
        <translation>标签 {name}</translation>
    </message>
    <message>
        <source>at least</source>
        <translation>至少</translation>
    </message>
    <message>
        <source>at most</source>
        <translation>至多</translation>
    </message>
    <message>
        <source>No bound for {name}</source>
        <translation>取消 {name} 的限制</translation>
    </message>
</context>
<context>
    <name>SightingCard</name>
    <message>
        <source>found on this machine</source>
        <translation>在本机上发现</translation>
    </message>
    <message>
        <source>An agent that you have not paired with. Version {version}.</source>
        <translation>尚未配对的代理，版本 {version}。</translation>
    </message>
    <message>
        <source>Pair</source>
        <translation>配对</translation>
    </message>
    <message>
        <source>What is this?</source>
        <translation>这是什么？</translation>
    </message>
    <message>
        <source>Paired with {name}.</source>
        <translation>已与 {name} 配对。</translation>
    </message>
    <message>
        <source>A Lanherd agent runs there. Pairing lets this device start runs on it: each side keeps the other&apos;s key. It goes through the agent&apos;s own socket on this machine.</source>
        <translation>那里运行着一个 Lanherd 代理。配对后，本设备可以在其上启动运行：双方各自保存对方的密钥。配对通过本机上代理自己的套接字完成。</translation>
    </message>
</context>
<context>
    <name>Skeleton</name>
    <message>
        <source>Loading</source>
        <translation>正在加载</translation>
    </message>
</context>
<context>
    <name>SubmitDialog</name>
    <message>
        <source>New run</source>
        <translation>新建运行</translation>
    </message>
    <message>
        <source>Where it would run</source>
        <translation>将在哪里运行</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>No project</source>
        <translation>无项目</translation>
    </message>
    <message>
        <source>such as 18GB</source>
        <translation>例如 18GB</translation>
    </message>
    <message>
        <source>share its GPUs with nobody</source>
        <translation>独占所用 GPU</translation>
    </message>
    <message>
        <source>the command, if empty</source>
        <translation>留空则用命令</translation>
    </message>
    <message>
        <source>Any machine that fits</source>
        <translation>任意合适的机器</translation>
    </message>
    <message>
        <source>From the project&apos;s lock</source>
        <translation>根据项目的锁定文件</translation>
    </message>
    <message>
        <source>The machine&apos;s own</source>
        <translation>机器自带</translation>
    </message>
    <message>
        <source>Browse…</source>
        <translation>浏览…</translation>
    </message>
    <message>
        <source>VRAM each</source>
        <translation>每块显存</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>项目</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>GPUs</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>机器</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>环境</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Choose the project&apos;s folder</source>
        <translation>选择项目文件夹</translation>
    </message>
    <message>
        <source>No machine is connected. The run can be sent as soon as one of yours answers.</source>
        <translation>没有已连接的机器。任意一台机器恢复响应后即可提交运行。</translation>
    </message>
    <message>
        <source>{machine} is not connected. Choose another machine, or wait until it answers.</source>
        <translation>{machine} 未连接。请选择其他机器，或等待它恢复响应。</translation>
    </message>
    <message>
        <source>{machine} has no GPU. Ask for none, or choose another machine.</source>
        <translation>{machine} 没有 GPU。请不要申请 GPU，或选择其他机器。</translation>
    </message>
    <message>
        <source>No connected machine has a GPU. Ask for none.</source>
        <translation>已连接的机器都没有 GPU。请不要申请 GPU。</translation>
    </message>
    <message>
        <source>{machine} can never run this: its largest GPU has {largest}, and it has {n}.</source>
        <translation>{machine} 无法满足此次运行：它最大的 GPU 有 {largest} 显存，共有 {n}。</translation>
    </message>
    <message>
        <source>No connected machine can run this: the largest GPU has {largest}, and no machine has more than {n}.</source>
        <translation>已连接的机器都无法满足此次运行：最大的 GPU 有 {largest} 显存，每台机器最多有 {n}。</translation>
    </message>
    <message>
        <source>one GPU</source>
        <translation>1 块 GPU</translation>
    </message>
    <message>
        <source>{n} GPUs</source>
        <translation>{n} 块 GPU</translation>
    </message>
    <message>
        <source>Ask for less.</source>
        <translation>请减少申请量。</translation>
    </message>
    <message>
        <source>Say which command to run.</source>
        <translation>请填写要执行的命令。</translation>
    </message>
    <message>
        <source>A quote in the command isn&apos;t closed.</source>
        <translation>命令中的引号没有成对。</translation>
    </message>
    <message>
        <source>VRAM is a number and a unit, such as 18GB.</source>
        <translation>显存应为数字加单位，例如 18GB。</translation>
    </message>
    <message>
        <source>VRAM is asked for, but no GPU. Ask for one GPU or more.</source>
        <translation>申请了显存，但没有申请 GPU。请至少申请一块 GPU。</translation>
    </message>
    <message>
        <source>That many GPUs can&apos;t be asked for.</source>
        <translation>不能申请这么多 GPU。</translation>
    </message>
    <message>
        <source>The name is too long.</source>
        <translation>名称太长。</translation>
    </message>
    <message>
        <source>Goes to {machine}.</source>
        <translation>将在 {machine} 上运行。</translation>
    </message>
    <message>
        <source>Reading the project</source>
        <translation>正在读取项目</translation>
    </message>
    <message>
        <source>Comparing with the machine</source>
        <translation>正在与机器比对</translation>
    </message>
    <message>
        <source>Sending what is missing</source>
        <translation>正在发送缺少的文件</translation>
    </message>
    <message>
        <source>Submitting</source>
        <translation>正在提交</translation>
    </message>
</context>
<context>
    <name>TextPreview</name>
    <message>
        <source>Text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>This file is empty.</source>
        <translation>此文件为空。</translation>
    </message>
    <message>
        <source>The first {0}. Fetch the file to have all of it.</source>
        <translation>仅前 {0}。下载文件可查看全部内容。</translation>
    </message>
</context>
<context>
    <name>Toast</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>TransferBar</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>WhyCard</name>
    <message>
        <source>Why it waits</source>
        <translation>为何等待</translation>
    </message>
    <message>
        <source>expected at about {time}, in {left}</source>
        <translation>预计约 {time} 启动，还有 {left}</translation>
    </message>
    <message>
        <source>and {count} more GPUs</source>
        <translation>还有 {count} 块 GPU</translation>
    </message>
    <message>
        <source>too small: {total} in all, needs {needs}</source>
        <translation>太小：共 {total}，需要 {needs}</translation>
    </message>
    <message>
        <source>not read now; {total} in all, needs {needs}</source>
        <translation>现在无法读取；共 {total}，需要 {needs}</translation>
    </message>
    <message>
        <source>has room: {free} of {total} free</source>
        <translation>有空间：共 {total}，空闲 {free}</translation>
    </message>
    <message>
        <source>{free} of {total} free, needs {needs}</source>
        <translation>共 {total}，空闲 {free}，需要 {needs}</translation>
    </message>
    <message>
        <source>quiet in {left}</source>
        <translation>{left} 后视为空闲</translation>
    </message>
</context>
<context>
    <name>WishesSection</name>
    <message>
        <source>Which GPUs</source>
        <translation>GPU 要求</translation>
    </message>
    <message>
        <source>no more</source>
        <translation>不再增加</translation>
    </message>
    <message>
        <source>Facts: {facts}.</source>
        <translation>可用的属性：{facts}。</translation>
    </message>
    <message>
        <source>whole GPUs, or such as 1g.10gb</source>
        <translation>整块 GPU，或如 1g.10gb</translation>
    </message>
    <message>
        <source>those that reach each other best</source>
        <translation>选互联最好的</translation>
    </message>
    <message>
        <source>others may share them</source>
        <translation>允许与其他运行共享</translation>
    </message>
    <message>
        <source>as the machine&apos;s rules say</source>
        <translation>按机器的规则</translation>
    </message>
    <message>
        <source>wait until they are gone</source>
        <translation>等到它们离开</translation>
    </message>
    <message>
        <source>take what they leave</source>
        <translation>使用剩余部分</translation>
    </message>
    <message>
        <source>cores, such as 4</source>
        <translation>核数，例如 4</translation>
    </message>
    <message>
        <source>such as 32GB</source>
        <translation>例如 32GB</translation>
    </message>
    <message>
        <source>such as 100GB</source>
        <translation>例如 100GB</translation>
    </message>
    <message>
        <source>Up to</source>
        <translation>最多</translation>
    </message>
    <message>
        <source>Only with</source>
        <translation>条件</translation>
    </message>
    <message>
        <source>MIG slices</source>
        <translation>MIG 切片</translation>
    </message>
    <message>
        <source>Others</source>
        <translation>其他进程</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>磁盘</translation>
    </message>
    <message>
        <source>One of the wishes can&apos;t be sent as it is: see beside it.</source>
        <translation>有一项要求无法按现状发送：见其旁的说明。</translation>
    </message>
    <message>
        <source>Which GPUs, {name}: {problem}</source>
        <translation>GPU 要求，{name}：{problem}</translation>
    </message>
    <message>
        <source>how many, constraints, slices, CPU</source>
        <translation>数量、条件、切片、CPU</translation>
    </message>
    <message>
        <source>These are fewer than it asks for at least. Write more, or none.</source>
        <translation>少于至少需要的数量。请写更多，或不写。</translation>
    </message>
    <message>
        <source>GPUs are wished for, but none is asked for. Ask for one or more.</source>
        <translation>提出了 GPU 要求，但没有请求 GPU。请请求一块或更多。</translation>
    </message>
    <message>
        <source>A MIG profile is written as 1g.10gb or 3g.40gb.</source>
        <translation>MIG 规格写作 1g.10gb 或 3g.40gb。</translation>
    </message>
    <message>
        <source>It can&apos;t share its GPUs and have them for itself. Choose one.</source>
        <translation>不能既共享又独占 GPU。请二选一。</translation>
    </message>
    <message>
        <source>CPU cores are a number, such as 4.</source>
        <translation>CPU 核数是一个数字，例如 4。</translation>
    </message>
    <message>
        <source>A size is a number and a unit, such as 32GB.</source>
        <translation>大小由数字和单位组成，例如 32GB。</translation>
    </message>
</context>
<context>
    <name>_Legend</name>
    <message>
        <source>ours</source>
        <translation>本系统</translation>
    </message>
    <message>
        <source>not ours</source>
        <translation>非本系统进程</translation>
    </message>
</context>
<context>
    <name>actions</name>
    <message>
        <source>Show machines</source>
        <translation>显示机器</translation>
    </message>
    <message>
        <source>Show projects</source>
        <translation>显示项目</translation>
    </message>
    <message>
        <source>Show runs</source>
        <translation>显示运行</translation>
    </message>
    <message>
        <source>Show outputs</source>
        <translation>显示输出</translation>
    </message>
    <message>
        <source>Show settings</source>
        <translation>显示设置</translation>
    </message>
    <message>
        <source>New run…</source>
        <translation>新建运行…</translation>
    </message>
    <message>
        <source>Run again…</source>
        <translation>再次运行…</translation>
    </message>
    <message>
        <source>Stop the run</source>
        <translation>停止运行</translation>
    </message>
    <message>
        <source>Stop at once, without its cleanup…</source>
        <translation>立即停止，不做清理…</translation>
    </message>
    <message>
        <source>Hold back</source>
        <translation>暂缓</translation>
    </message>
    <message>
        <source>Release</source>
        <translation>放行</translation>
    </message>
    <message>
        <source>Restart as a new run</source>
        <translation>作为新运行重新启动</translation>
    </message>
    <message>
        <source>Raise the priority</source>
        <translation>提高优先级</translation>
    </message>
    <message>
        <source>Lower the priority</source>
        <translation>降低优先级</translation>
    </message>
    <message>
        <source>Move ahead in the line</source>
        <translation>在排队中前移一位</translation>
    </message>
    <message>
        <source>Move back in the line</source>
        <translation>在排队中后移一位</translation>
    </message>
    <message>
        <source>Edit tags and notes</source>
        <translation>编辑标签和备注</translation>
    </message>
    <message>
        <source>Pin: keep its files</source>
        <translation>固定：保留文件</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>取消固定</translation>
    </message>
    <message>
        <source>Remove its files…</source>
        <translation>删除文件…</translation>
    </message>
    <message>
        <source>Save the log…</source>
        <translation>保存日志…</translation>
    </message>
    <message>
        <source>Copy the run&apos;s id</source>
        <translation>复制运行 ID</translation>
    </message>
    <message>
        <source>Undo the last change</source>
        <translation>撤销上一次更改</translation>
    </message>
    <message>
        <source>Show the run&apos;s log</source>
        <translation>显示运行的日志</translation>
    </message>
    <message>
        <source>Show the run&apos;s outputs</source>
        <translation>显示运行的输出</translation>
    </message>
    <message>
        <source>Save the output as…</source>
        <translation>输出另存为…</translation>
    </message>
    <message>
        <source>Connect to machines again</source>
        <translation>重新连接机器</translation>
    </message>
    <message>
        <source>Pause a machine&apos;s line, or a tag in it…</source>
        <translation>暂停机器的队列或其中的标签…</translation>
    </message>
    <message>
        <source>Resume a machine&apos;s line, or a tag in it…</source>
        <translation>恢复机器的队列或其中的标签…</translation>
    </message>
    <message>
        <source>Add a project…</source>
        <translation>添加项目…</translation>
    </message>
    <message>
        <source>Remove the project from the list</source>
        <translation>从列表中移除项目</translation>
    </message>
    <message>
        <source>Find in the log</source>
        <translation>在日志中查找</translation>
    </message>
    <message>
        <source>Search all of the log on its machine</source>
        <translation>在机器上搜索整个日志</translation>
    </message>
    <message>
        <source>Filter the list</source>
        <translation>筛选列表</translation>
    </message>
    <message>
        <source>Follow or pause the log</source>
        <translation>跟随或暂停日志</translation>
    </message>
    <message>
        <source>Fold or unfold the navigation</source>
        <translation>折叠或展开导航栏</translation>
    </message>
    <message>
        <source>Switch between light and dark</source>
        <translation>切换浅色与深色</translation>
    </message>
    <message>
        <source>Switch between English and Chinese</source>
        <translation>切换英文与中文</translation>
    </message>
    <message>
        <source>Find an action</source>
        <translation>查找操作</translation>
    </message>
    <message>
        <source>Quit Lanherd</source>
        <translation>退出 Lanherd</translation>
    </message>
</context>
<context>
    <name>causes</name>
    <message>
        <source>Tell the machine&apos;s owner; other GPUs are not touched by this.</source>
        <translation>请告知机器的所有者；其他 GPU 不受影响。</translation>
    </message>
    <message>
        <source>The machine may need a restart. Tell the machine&apos;s owner; other GPUs are not touched by this.</source>
        <translation>机器可能需要重启。请告知机器的所有者；其他 GPU 不受影响。</translation>
    </message>
    <message>
        <source>Restart the machine, or have its driver loaded anew.</source>
        <translation>请重启机器，或重新加载其驱动程序。</translation>
    </message>
    <message>
        <source>Update the machine&apos;s driver, or use packages that were built for an older CUDA.</source>
        <translation>请更新机器的驱动程序，或使用为较旧 CUDA 构建的软件包。</translation>
    </message>
    <message>
        <source>Install packages for this GPU&apos;s compute capability, or ask for another GPU (`--where`).</source>
        <translation>请安装适合这块 GPU 计算能力的软件包，或请求其他 GPU（`--where`）。</translation>
    </message>
    <message>
        <source>Use a newer CUDA toolkit, or leave that architecture out (TORCH_CUDA_ARCH_LIST).</source>
        <translation>请使用较新的 CUDA 工具包，或去掉该架构（TORCH_CUDA_ARCH_LIST）。</translation>
    </message>
    <message>
        <source>Install the toolkit and set CUDA_HOME, or use packages that are compiled already.</source>
        <translation>请安装工具包并设置 CUDA_HOME，或使用已编译好的软件包。</translation>
    </message>
    <message>
        <source>Install the build of PyTorch for CUDA: its index is download.pytorch.org/whl/cu…</source>
        <translation>请安装带 CUDA 的 PyTorch：其索引为 download.pytorch.org/whl/cu…</translation>
    </message>
    <message>
        <source>Ask for a GPU (`--gpus 1`); if it did, look at the machine&apos;s driver.</source>
        <translation>请请求一块 GPU（`--gpus 1`）；如果已请求，请检查机器的驱动程序。</translation>
    </message>
    <message>
        <source>Count GPUs from 0 among those that it was given, or ask for more of them.</source>
        <translation>请在分配给它的 GPU 中从 0 开始编号，或请求更多 GPU。</translation>
    </message>
    <message>
        <source>Use a smaller batch or model, or declare more VRAM, so that it is placed where there is as much.</source>
        <translation>请使用较小的批次或模型，或声明更多显存，使它被安排到有足够显存的地方。</translation>
    </message>
    <message>
        <source>Run it with CUDA_LAUNCH_BLOCKING=1 to see which call it was.</source>
        <translation>请用 CUDA_LAUNCH_BLOCKING=1 运行，以查明是哪个调用。</translation>
    </message>
    <message>
        <source>Start its processes by &apos;spawn&apos; (multiprocessing.set_start_method).</source>
        <translation>请用“spawn”方式启动其进程（multiprocessing.set_start_method）。</translation>
    </message>
    <message>
        <source>Run it once more; if it fails on one GPU only, tell the machine&apos;s owner.</source>
        <translation>请再运行一次；如果只在某一块 GPU 上失败，请告知机器的所有者。</translation>
    </message>
    <message>
        <source>Use fewer workers (num_workers), or have /dev/shm made larger.</source>
        <translation>请减少工作进程（num_workers），或让人扩大 /dev/shm。</translation>
    </message>
    <message>
        <source>Make room there, or write to another disk.</source>
        <translation>请在那里腾出空间，或写入其他磁盘。</translation>
    </message>
    <message>
        <source>Write into the folder that LANHERD_OUTPUTS names.</source>
        <translation>请写入 LANHERD_OUTPUTS 指定的文件夹。</translation>
    </message>
    <message>
        <source>Look at the machine&apos;s disks and mounts, then run it once more.</source>
        <translation>请检查机器的磁盘和挂载，然后再运行一次。</translation>
    </message>
    <message>
        <source>Load less at once, use fewer workers, or ask for a machine with more memory.</source>
        <translation>请一次少加载一些，减少工作进程，或请求内存更大的机器。</translation>
    </message>
    <message>
        <source>Close files, or raise the limit (`ulimit -n`); for PyTorch&apos;s workers: torch.multiprocessing.set_sharing_strategy(&apos;file_system&apos;).</source>
        <translation>请关闭文件，或提高上限（`ulimit -n`）；对 PyTorch 的工作进程：torch.multiprocessing.set_sharing_strategy(&apos;file_system&apos;)。</translation>
    </message>
    <message>
        <source>Use fewer workers and threads (OMP_NUM_THREADS), or raise the limit (`ulimit -u`).</source>
        <translation>请减少工作进程和线程（OMP_NUM_THREADS），或提高上限（`ulimit -u`）。</translation>
    </message>
    <message>
        <source>Name an interpreter that the machine has, or build the program for this machine.</source>
        <translation>请指定机器上有的解释器，或为这台机器构建程序。</translation>
    </message>
    <message>
        <source>Install it, add it to the environment of the run, or name it with its whole path.</source>
        <translation>请安装它，将它加入运行的环境，或写出它的完整路径。</translation>
    </message>
    <message>
        <source>Add the package {package} to the project&apos;s dependencies and lock them anew.</source>
        <translation>请将软件包 {package} 加入项目的依赖并重新锁定。</translation>
    </message>
    <message>
        <source>Install the package of the system that has it, or a Python package that brings it along.</source>
        <translation>请安装提供它的系统软件包，或自带它的 Python 软件包。</translation>
    </message>
    <message>
        <source>Lock versions that belong together, and build compiled packages anew.</source>
        <translation>请锁定互相匹配的版本，并重新构建编译过的软件包。</translation>
    </message>
    <message>
        <source>Lock the version that the code needs; look for a file of the project with that name too.</source>
        <translation>请锁定代码所需的版本；也请检查项目中是否有同名文件。</translation>
    </message>
    <message>
        <source>Correct it; an older Python refuses newer syntax too.</source>
        <translation>请改正它；较旧的 Python 也会拒绝较新的语法。</translation>
    </message>
    <message>
        <source>Give it with the run (`--env NAME=VALUE`), or as a secret.</source>
        <translation>请随运行提供它（`--env NAME=VALUE`），或作为机密提供。</translation>
    </message>
    <message>
        <source>Change the owner or mode of the file (`chmod +x` for a program), or use another path.</source>
        <translation>请更改文件的所有者或权限（程序用 `chmod +x`），或使用其他路径。</translation>
    </message>
    <message>
        <source>Make it executable (`chmod +x`), or name its interpreter first.</source>
        <translation>请使它可执行（`chmod +x`），或在前面写出其解释器。</translation>
    </message>
    <message>
        <source>Check the path: files outside of the project are not sent with the run.</source>
        <translation>请检查路径：项目以外的文件不会随运行发送。</translation>
    </message>
    <message>
        <source>Use port 0 (any), or another one: `--master-port` for torchrun.</source>
        <translation>请使用端口 0（任意），或其他端口：torchrun 用 `--master-port`。</translation>
    </message>
    <message>
        <source>Ask for access there, and give the run the token as a secret (HF_TOKEN, WANDB_API_KEY).</source>
        <translation>请在那里申请访问权限，并将令牌作为机密交给运行（HF_TOKEN、WANDB_API_KEY）。</translation>
    </message>
    <message>
        <source>Check that the machine reaches it; where it has no network, put the files there before, or use an offline mode (HF_HUB_OFFLINE=1, WANDB_MODE=offline).</source>
        <translation>请确认机器能访问它；如果没有网络，请事先把文件放到那里，或使用离线模式（HF_HUB_OFFLINE=1、WANDB_MODE=offline）。</translation>
    </message>
    <message>
        <source>Start that server before, and check its address and port.</source>
        <translation>请先启动该服务器，并检查其地址和端口。</translation>
    </message>
    <message>
        <source>Build the model with the options that the checkpoint was made with.</source>
        <translation>请用制作检查点时的选项构建模型。</translation>
    </message>
    <message>
        <source>Make or fetch the file anew. A pointer file of Git LFS looks like this too.</source>
        <translation>请重新制作或获取该文件。Git LFS 的指针文件也会这样。</translation>
    </message>
    <message>
        <source>Move the model and its input to the same device (`.to(device)`).</source>
        <translation>请将模型及其输入移到同一设备（`.to(device)`）。</translation>
    </message>
    <message>
        <source>Look at the line of the code that the log names.</source>
        <translation>请查看日志指出的那一行代码。</translation>
    </message>
    <message>
        <source>Correct the command; `--help` says what it takes.</source>
        <translation>请改正命令；`--help` 会说明它接受什么。</translation>
    </message>
    <message>
        <source>Look for the process that stopped first; all of them must take the same steps.</source>
        <translation>请找出最先停止的进程；所有进程必须执行相同的步骤。</translation>
    </message>
    <message>
        <source>Run it with NCCL_DEBUG=INFO; look for the process that failed first.</source>
        <translation>请用 NCCL_DEBUG=INFO 运行；找出最先失败的进程。</translation>
    </message>
    <message>
        <source>Use fewer workers and smaller batches; look at the machine&apos;s memory.</source>
        <translation>请减少工作进程、使用较小的批次；并查看机器的内存。</translation>
    </message>
    <message>
        <source>Look at what ended there first.</source>
        <translation>请先查看那一端因何结束。</translation>
    </message>
    <message>
        <source>Run it once more if nobody meant to.</source>
        <translation>如果没有人有意中断，请再运行一次。</translation>
    </message>
    <message>
        <source>Look at what that one printed, above this.</source>
        <translation>请查看它在上面打印的内容。</translation>
    </message>
    <message>
        <source>Install packages that were built for this CPU.</source>
        <translation>请安装为这种 CPU 构建的软件包。</translation>
    </message>
    <message>
        <source>Look at the end of its log, and at the compiled packages that it uses.</source>
        <translation>请查看其日志末尾，以及它使用的编译软件包。</translation>
    </message>
    <message>
        <source>Look whether a disk or /dev/shm was full, and whether a file was changed while it was read.</source>
        <translation>请检查磁盘或 /dev/shm 是否已满，以及是否有文件在读取时被更改。</translation>
    </message>
    <message>
        <source>Give it more time in its own command.</source>
        <translation>请在它自己的命令中给它更多时间。</translation>
    </message>
    <message>
        <source>The driver reported Xid {xid} for the GPU at {pci}.</source>
        <translation>驱动程序报告 {pci} 处的 GPU 出现 Xid {xid}。</translation>
    </message>
    <message>
        <source>The driver reported Xid {xid} for its GPU {gpu} while it ran.</source>
        <translation>它运行时，驱动程序报告其 GPU {gpu} 出现 Xid {xid}。</translation>
    </message>
    <message>
        <source>Its GPU {gpu} was lost while it ran: the driver doesn&apos;t reach it any more.</source>
        <translation>它运行时，其 GPU {gpu} 丢失：驱动程序无法再访问它。</translation>
    </message>
    <message>
        <source>The memory of its GPU {gpu} had an error that ECC could not correct while it ran.</source>
        <translation>它运行时，其 GPU {gpu} 的显存出现了 ECC 无法纠正的错误。</translation>
    </message>
    <message>
        <source>Start it again, on another GPU, and tell the machine&apos;s owner.</source>
        <translation>请在另一个 GPU 上重新启动它，并告知机器的所有者。</translation>
    </message>
    <message>
        <source>The GPU was lost: the driver doesn&apos;t reach it any more.</source>
        <translation>GPU 已丢失：驱动程序无法再访问它。</translation>
    </message>
    <message>
        <source>The GPU&apos;s memory had an error that ECC could not correct.</source>
        <translation>GPU 显存出现了 ECC 无法纠正的错误。</translation>
    </message>
    <message>
        <source>The machine&apos;s NVIDIA driver and its library are of different versions, as after an update without a restart.</source>
        <translation>机器的 NVIDIA 驱动程序与其库版本不一致，常见于更新后未重启。</translation>
    </message>
    <message>
        <source>Its packages need a newer NVIDIA driver than the machine has ({found}).</source>
        <translation>其软件包需要比机器上更新的 NVIDIA 驱动程序（机器上为 {found}）。</translation>
    </message>
    <message>
        <source>Its packages need a newer NVIDIA driver than the machine has.</source>
        <translation>其软件包需要比机器上更新的 NVIDIA 驱动程序。</translation>
    </message>
    <message>
        <source>Its packages were not built for this kind of GPU ({capability}).</source>
        <translation>其软件包不是为这种 GPU（{capability}）构建的。</translation>
    </message>
    <message>
        <source>Its packages were not built for this kind of GPU.</source>
        <translation>其软件包不是为这种 GPU 构建的。</translation>
    </message>
    <message>
        <source>The machine&apos;s nvcc does not know the GPU architecture {arch}.</source>
        <translation>机器上的 nvcc 不认识 GPU 架构 {arch}。</translation>
    </message>
    <message>
        <source>It compiles for CUDA, but the machine&apos;s CUDA toolkit was not found.</source>
        <translation>它需要编译 CUDA 代码，但没有找到机器上的 CUDA 工具包。</translation>
    </message>
    <message>
        <source>Its PyTorch was built without CUDA.</source>
        <translation>它使用的 PyTorch 不带 CUDA 支持。</translation>
    </message>
    <message>
        <source>It found no GPU to use.</source>
        <translation>它没有找到可用的 GPU。</translation>
    </message>
    <message>
        <source>It uses a GPU number that it was not given.</source>
        <translation>它使用了未分配给它的 GPU 编号。</translation>
    </message>
    <message>
        <source>The GPU&apos;s memory ran out when it tried to allocate {tried}.</source>
        <translation>尝试分配 {tried} 时，GPU 显存不足。</translation>
    </message>
    <message>
        <source>The GPU&apos;s memory ran out.</source>
        <translation>GPU 显存不足。</translation>
    </message>
    <message>
        <source>A check on the GPU failed ({file}, line {line}): often a label or index out of range.</source>
        <translation>GPU 上的一项检查失败（{file} 第 {line} 行）：常见原因是标签或索引越界。</translation>
    </message>
    <message>
        <source>A check on the GPU failed: often a label or index out of range.</source>
        <translation>GPU 上的一项检查失败：常见原因是标签或索引越界。</translation>
    </message>
    <message>
        <source>A kernel read or wrote outside of its memory on the GPU.</source>
        <translation>一个内核在 GPU 上读写了不属于它的显存。</translation>
    </message>
    <message>
        <source>A process that was forked used CUDA, which its parent had begun to use.</source>
        <translation>一个分叉出来的进程使用了 CUDA，而其父进程已经在使用。</translation>
    </message>
    <message>
        <source>The GPU or its libraries reported: {error}.</source>
        <translation>GPU 或其库报告：{error}。</translation>
    </message>
    <message>
        <source>Its shared memory (/dev/shm) ran out, through which its data loader passes batches.</source>
        <translation>共享内存（/dev/shm）不足，数据加载器要通过它传递批次。</translation>
    </message>
    <message>
        <source>The disk is full: there was no room for {path}.</source>
        <translation>磁盘已满：没有空间写入 {path}。</translation>
    </message>
    <message>
        <source>The disk is full.</source>
        <translation>磁盘已满。</translation>
    </message>
    <message>
        <source>The disk quota of its user is used up: there was no room for {path}.</source>
        <translation>其用户的磁盘配额已用完：没有空间写入 {path}。</translation>
    </message>
    <message>
        <source>The disk quota of its user is used up.</source>
        <translation>其用户的磁盘配额已用完。</translation>
    </message>
    <message>
        <source>It wrote to {path}, which is on a disk that can only be read.</source>
        <translation>它写入了 {path}，而该磁盘只能读取。</translation>
    </message>
    <message>
        <source>It wrote to a disk that can only be read.</source>
        <translation>它写入了只能读取的磁盘。</translation>
    </message>
    <message>
        <source>A disk or a network share failed: {path}.</source>
        <translation>磁盘或网络共享出错：{path}。</translation>
    </message>
    <message>
        <source>A disk or a network share failed.</source>
        <translation>磁盘或网络共享出错。</translation>
    </message>
    <message>
        <source>The machine&apos;s memory ran out when it tried to allocate {tried}.</source>
        <translation>尝试分配 {tried} 时，机器内存不足。</translation>
    </message>
    <message>
        <source>The machine&apos;s memory ran out.</source>
        <translation>机器内存不足。</translation>
    </message>
    <message>
        <source>The machine&apos;s memory ran out, and the kernel killed it.</source>
        <translation>机器内存不足，内核终止了它。</translation>
    </message>
    <message>
        <source>The machine&apos;s memory ran out, and the kernel killed a process of it.</source>
        <translation>机器内存不足，内核终止了它的一个进程。</translation>
    </message>
    <message>
        <source>It was killed as memory ran out: the kernel killed a process of Lanherd&apos;s runs then.</source>
        <translation>内存耗尽时它被终止：当时内核终止了 Lanherd 运行的一个进程。</translation>
    </message>
    <message>
        <source>It was killed, and the machine&apos;s memory ran out while it ran: perhaps the kernel killed it for that.</source>
        <translation>它被终止，且运行期间机器内存耗尽：可能是内核因此终止了它。</translation>
    </message>
    <message>
        <source>It had too many files open.</source>
        <translation>它打开的文件太多。</translation>
    </message>
    <message>
        <source>It could not start another process or thread: a limit of its user is reached.</source>
        <translation>它无法再启动进程或线程：已达到其用户的上限。</translation>
    </message>
    <message>
        <source>{file} can&apos;t be executed: its first line names {interpreter}, which is not there.</source>
        <translation>{file} 无法执行：其首行指定的 {interpreter} 不存在。</translation>
    </message>
    <message>
        <source>The program can&apos;t be executed: it is for another kind of machine, or the interpreter that its first line names is not there.</source>
        <translation>该程序无法执行：它是为另一种机器构建的，或其首行指定的解释器不存在。</translation>
    </message>
    <message>
        <source>The machine has no command {command}.</source>
        <translation>机器上没有命令 {command}。</translation>
    </message>
    <message>
        <source>A program that it wanted to execute is not there (exit code 127).</source>
        <translation>它想执行的程序不存在（退出码 127）。</translation>
    </message>
    <message>
        <source>The Python module {module} is not in its environment.</source>
        <translation>其环境中没有 Python 模块 {module}。</translation>
    </message>
    <message>
        <source>The shared library {library} was not found.</source>
        <translation>没有找到共享库 {library}。</translation>
    </message>
    <message>
        <source>A shared library was not found.</source>
        <translation>没有找到一个共享库。</translation>
    </message>
    <message>
        <source>Two of its libraries don&apos;t fit each other: {name} is missing.</source>
        <translation>它的两个库互不匹配：缺少 {name}。</translation>
    </message>
    <message>
        <source>Two of its libraries don&apos;t fit each other.</source>
        <translation>它的两个库互不匹配。</translation>
    </message>
    <message>
        <source>{module} has no {name}: another version of it is installed than the code was written for.</source>
        <translation>{module} 中没有 {name}：安装的版本与代码所需的版本不同。</translation>
    </message>
    <message>
        <source>A name could not be imported: another version is installed than the code was written for.</source>
        <translation>有一个名称无法导入：安装的版本与代码所需的版本不同。</translation>
    </message>
    <message>
        <source>The code has a syntax error: {what}.</source>
        <translation>代码有语法错误：{what}。</translation>
    </message>
    <message>
        <source>The environment variable {name} is not set.</source>
        <translation>没有设置环境变量 {name}。</translation>
    </message>
    <message>
        <source>It may not use {path}.</source>
        <translation>它无权使用 {path}。</translation>
    </message>
    <message>
        <source>It was not allowed to use a file.</source>
        <translation>它无权使用某个文件。</translation>
    </message>
    <message>
        <source>Its program may not be executed (exit code 126).</source>
        <translation>其程序不允许被执行（退出码 126）。</translation>
    </message>
    <message>
        <source>There is no file {path}.</source>
        <translation>没有文件 {path}。</translation>
    </message>
    <message>
        <source>A file is not there: {what}</source>
        <translation>有一个文件不存在：{what}</translation>
    </message>
    <message>
        <source>Port {port} is in use by another process.</source>
        <translation>端口 {port} 正被另一个进程使用。</translation>
    </message>
    <message>
        <source>A port that it wanted is in use by another process.</source>
        <translation>它想使用的端口正被另一个进程使用。</translation>
    </message>
    <message>
        <source>{host} refused it: it is not logged in there, or may not use this.</source>
        <translation>{host} 拒绝了它：它在那里没有登录，或无权使用。</translation>
    </message>
    <message>
        <source>A server refused it: it is not logged in there, or may not use this.</source>
        <translation>服务器拒绝了它：它在那里没有登录，或无权使用。</translation>
    </message>
    <message>
        <source>The machine could not reach {host}.</source>
        <translation>机器无法访问 {host}。</translation>
    </message>
    <message>
        <source>The machine could not reach a server.</source>
        <translation>机器无法访问某个服务器。</translation>
    </message>
    <message>
        <source>{host} refused the connection: nothing listens there.</source>
        <translation>{host} 拒绝了连接：那里没有程序在监听。</translation>
    </message>
    <message>
        <source>A connection was refused: nothing listens there.</source>
        <translation>连接被拒绝：那里没有程序在监听。</translation>
    </message>
    <message>
        <source>A server did not answer in time.</source>
        <translation>服务器没有及时应答。</translation>
    </message>
    <message>
        <source>The checkpoint doesn&apos;t fit the model: {name} has another shape.</source>
        <translation>检查点与模型不符：{name} 的形状不同。</translation>
    </message>
    <message>
        <source>The checkpoint doesn&apos;t fit the model {model}.</source>
        <translation>检查点与模型 {model} 不符。</translation>
    </message>
    <message>
        <source>A file that it loads is damaged, or of another kind: cut short while it was written, say.</source>
        <translation>它加载的一个文件已损坏或类型不对：例如写入时中断。</translation>
    </message>
    <message>
        <source>Tensors that it uses together are on different devices.</source>
        <translation>它同时使用的张量位于不同的设备上。</translation>
    </message>
    <message>
        <source>Shapes don&apos;t fit: {what}.</source>
        <translation>形状不匹配：{what}。</translation>
    </message>
    <message>
        <source>The command&apos;s arguments are not as it takes them: {what}.</source>
        <translation>命令的参数不符合要求：{what}。</translation>
    </message>
    <message>
        <source>A process waited too long for the others in a collective operation (NCCL).</source>
        <translation>一个进程在集合操作（NCCL）中等待其他进程的时间过长。</translation>
    </message>
    <message>
        <source>The processes could not talk to each other (NCCL).</source>
        <translation>进程之间无法通信（NCCL）。</translation>
    </message>
    <message>
        <source>A process that it had started was killed (pid {pid}): often since memory ran out.</source>
        <translation>它启动的一个进程（pid {pid}）被终止：常见原因是内存不足。</translation>
    </message>
    <message>
        <source>A process that it had started was killed: often since memory ran out.</source>
        <translation>它启动的一个进程被终止：常见原因是内存不足。</translation>
    </message>
    <message>
        <source>The other side of a connection went away.</source>
        <translation>连接的另一端已断开。</translation>
    </message>
    <message>
        <source>It was interrupted, as by Ctrl+C.</source>
        <translation>它被中断了，如同按下 Ctrl+C。</translation>
    </message>
    <message>
        <source>A command that it had started failed.</source>
        <translation>它启动的一个命令失败了。</translation>
    </message>
    <message>
        <source>A check in the code failed: {what}.</source>
        <translation>代码中的一项检查失败：{what}。</translation>
    </message>
    <message>
        <source>A check in the code failed.</source>
        <translation>代码中的一项检查失败。</translation>
    </message>
    <message>
        <source>Ended by {exception}: {what}</source>
        <translation>因 {exception} 结束：{what}</translation>
    </message>
    <message>
        <source>Ended by {exception}.</source>
        <translation>因 {exception} 结束。</translation>
    </message>
    <message>
        <source>It used an instruction that this machine&apos;s CPU does not have.</source>
        <translation>它使用了这台机器的 CPU 不支持的指令。</translation>
    </message>
    <message>
        <source>It ended itself after an error that it could not go on from (SIGABRT).</source>
        <translation>它遇到无法继续的错误，自行结束（SIGABRT）。</translation>
    </message>
    <message>
        <source>It used memory that was not there (SIGBUS).</source>
        <translation>它使用了不存在的内存（SIGBUS）。</translation>
    </message>
    <message>
        <source>It computed what can&apos;t be computed, such as a division by 0 (SIGFPE).</source>
        <translation>它进行了无法完成的计算，例如除以 0（SIGFPE）。</translation>
    </message>
    <message>
        <source>It used memory that is not its own (SIGSEGV, a segmentation fault).</source>
        <translation>它使用了不属于自己的内存（SIGSEGV，段错误）。</translation>
    </message>
    <message>
        <source>It ended with exit code 124, as `timeout` does when its time is over.</source>
        <translation>它以退出码 124 结束，与 `timeout` 到时的行为一致。</translation>
    </message>
    <message>
        <source>It was interrupted, as by Ctrl+C or a terminal that was closed. Run it once more if nobody meant to.</source>
        <translation>它被中断，例如按了 Ctrl+C 或终端被关闭。如果没有人想中断它，请再运行一次。</translation>
    </message>
    <message>
        <source>A person, a service of the machine or one of its own programs asked it to end. Run it once more if nobody meant to.</source>
        <translation>有人、机器的某个服务或它自己的程序要求它结束。如果没有人想这样，请再运行一次。</translation>
    </message>
    <message>
        <source>Look at the end of its log; SIGKILL often means that memory ran out.</source>
        <translation>请查看日志末尾；SIGKILL 通常表示内存耗尽。</translation>
    </message>
    <message>
        <source>It wrote to a program or a connection that was gone. Look at the end of its log for which.</source>
        <translation>它向已经消失的程序或连接写入了数据。请在日志末尾查看是哪一个。</translation>
    </message>
    <message>
        <source>A timer that it had set itself went off. Look at the end of its log.</source>
        <translation>它自己设置的定时器到时了。请查看日志末尾。</translation>
    </message>
    <message>
        <source>It used as much CPU time as a limit of its user lets it. Raise the limit (`ulimit -t`), or let it do less.</source>
        <translation>它用完了其用户的处理器时间限额。请提高限额（`ulimit -t`），或让它少做一些。</translation>
    </message>
    <message>
        <source>It wrote a larger file than a limit of its user lets it. Raise the limit (`ulimit -f`), or write several files.</source>
        <translation>它写的文件超过了其用户的限额。请提高限额（`ulimit -f`），或写成几个文件。</translation>
    </message>
    <message>
        <source>It made a system call that it may not make. Look at the end of its log.</source>
        <translation>它进行了不允许的系统调用。请查看日志末尾。</translation>
    </message>
    <message>
        <source>Check its path, and that the machine has the interpreter.</source>
        <translation>请检查它的路径，以及机器上是否有解释器。</translation>
    </message>
    <message>
        <source>Check its spelling, or add the package that brings it to the project&apos;s lock.</source>
        <translation>请检查拼写，或把提供它的软件包加入项目的锁文件。</translation>
    </message>
</context>
<context>
    <name>failures</name>
    <message>
        <source>The request is not valid.</source>
        <translation>请求无效。</translation>
    </message>
    <message>
        <source>The machine does not know this call.</source>
        <translation>机器不认识此调用。</translation>
    </message>
    <message>
        <source>It is not there.</source>
        <translation>找不到。</translation>
    </message>
    <message>
        <source>It is in another state, or already taken.</source>
        <translation>状态不符，或已被占用。</translation>
    </message>
    <message>
        <source>It is too large.</source>
        <translation>太大。</translation>
    </message>
    <message>
        <source>The machine can never run this.</source>
        <translation>这台机器永远无法执行此运行。</translation>
    </message>
    <message>
        <source>The project folder can&apos;t be read.</source>
        <translation>无法读取项目文件夹。</translation>
    </message>
    <message>
        <source>The project folder is empty.</source>
        <translation>项目文件夹为空。</translation>
    </message>
    <message>
        <source>The project changed while it was read.</source>
        <translation>项目在读取过程中发生了变化。</translation>
    </message>
    <message>
        <source>The lock can&apos;t be resolved.</source>
        <translation>锁定文件无法解析。</translation>
    </message>
    <message>
        <source>The command was not found.</source>
        <translation>找不到命令。</translation>
    </message>
    <message>
        <source>This device is not paired there.</source>
        <translation>本设备未与该机器配对。</translation>
    </message>
    <message>
        <source>This device may not do that.</source>
        <translation>本设备无权这样做。</translation>
    </message>
    <message>
        <source>Another agent answers at this address.</source>
        <translation>此地址上应答的是另一个代理。</translation>
    </message>
    <message>
        <source>The machine can&apos;t be reached.</source>
        <translation>无法连接机器。</translation>
    </message>
    <message>
        <source>The connection was lost.</source>
        <translation>连接已断开。</translation>
    </message>
    <message>
        <source>The machine answered nonsense.</source>
        <translation>机器的应答无法理解。</translation>
    </message>
    <message>
        <source>The versions don&apos;t fit together.</source>
        <translation>版本不兼容。</translation>
    </message>
    <message>
        <source>It took too long.</source>
        <translation>耗时过长。</translation>
    </message>
    <message>
        <source>It was cancelled.</source>
        <translation>已取消。</translation>
    </message>
    <message>
        <source>The machine has too much to do.</source>
        <translation>机器过于繁忙。</translation>
    </message>
    <message>
        <source>The disk is full.</source>
        <translation>磁盘已满。</translation>
    </message>
    <message>
        <source>The agent&apos;s database failed.</source>
        <translation>代理的数据库出错。</translation>
    </message>
    <message>
        <source>A file arrived damaged.</source>
        <translation>文件在传输中损坏。</translation>
    </message>
    <message>
        <source>The environment could not be built.</source>
        <translation>无法构建环境。</translation>
    </message>
    <message>
        <source>The run could not be started.</source>
        <translation>无法启动运行。</translation>
    </message>
    <message>
        <source>The GPU can&apos;t be used.</source>
        <translation>无法使用 GPU。</translation>
    </message>
    <message>
        <source>Another agent uses this home.</source>
        <translation>另一个代理正在使用此主目录。</translation>
    </message>
    <message>
        <source>The home directory can&apos;t be used.</source>
        <translation>无法使用主目录。</translation>
    </message>
    <message>
        <source>The agent is shutting down.</source>
        <translation>代理正在关闭。</translation>
    </message>
    <message>
        <source>A bug in Lanherd.</source>
        <translation>Lanherd 出现程序错误。</translation>
    </message>
    <message>
        <source>The machine reports an unknown problem.</source>
        <translation>机器报告了未知问题。</translation>
    </message>
    <message>
        <source>{command} can&apos;t be run on the machine: it isn&apos;t there, or isn&apos;t a program for it.</source>
        <translation>无法在该机器上运行 {command}：它不存在，或不是适用于该机器的程序。</translation>
    </message>
    <message>
        <source>It isn&apos;t on the machine, or isn&apos;t a program for it.</source>
        <translation>它在该机器上不存在，或不是适用于该机器的程序。</translation>
    </message>
    <message>
        <source>It asks for {needs_gpus} GPUs with {needs} each; the machine has {gpus}, the largest with {largest}.</source>
        <translation>它申请 {needs_gpus} 块 GPU，每块 {needs} 显存；该机器有 {gpus} 块，最大的一块有 {largest}。</translation>
    </message>
    <message>
        <source>It asks for {needs_gpus} GPUs; the machine has {gpus}.</source>
        <translation>它申请 {needs_gpus} 块 GPU；该机器有 {gpus} 块。</translation>
    </message>
    <message>
        <source>It asks for {gpus} GPUs with {vram} each, which no connected machine has.</source>
        <translation>它申请 {gpus} 块 GPU，每块 {vram} 显存；已连接的机器都没有这么多。</translation>
    </message>
    <message>
        <source>It asks for more GPUs or more VRAM than there are.</source>
        <translation>它申请的 GPU 或显存超出了现有的数量。</translation>
    </message>
    <message>
        <source>{machine} does not answer.</source>
        <translation>{machine} 没有响应。</translation>
    </message>
    <message>
        <source>No agent answers at its address.</source>
        <translation>它的地址上没有代理响应。</translation>
    </message>
    <message>
        <source>{lock} can&apos;t be installed on that machine as it is.</source>
        <translation>{lock} 无法按现有内容安装到该机器上。</translation>
    </message>
    <message>
        <source>It can&apos;t be installed on that machine as it is.</source>
        <translation>它无法按现有内容安装到该机器上。</translation>
    </message>
    <message>
        <source>Building it from {lock} ended with an error.</source>
        <translation>按 {lock} 构建环境时出错。</translation>
    </message>
    <message>
        <source>The machine has no Python {python}.</source>
        <translation>该机器没有 Python {python}。</translation>
    </message>
    <message>
        <source>A step of its building ended with an error.</source>
        <translation>构建环境的某个步骤出错。</translation>
    </message>
    <message>
        <source>{path} can&apos;t be read.</source>
        <translation>无法读取 {path}。</translation>
    </message>
    <message>
        <source>{path} holds nothing to send.</source>
        <translation>{path} 中没有可发送的内容。</translation>
    </message>
    <message>
        <source>{path} was written to meanwhile.</source>
        <translation>期间有程序写入了 {path}。</translation>
    </message>
    <message>
        <source>The machine does not know this device, or forgot it.</source>
        <translation>那台机器不认识此设备，或已将其移除。</translation>
    </message>
    <message>
        <source>It belongs to {owner}.</source>
        <translation>它属于 {owner}。</translation>
    </message>
    <message>
        <source>The connection to {machine} broke off.</source>
        <translation>与 {machine} 的连接已中断。</translation>
    </message>
    <message>
        <source>It broke off, or nothing was heard for a while.</source>
        <translation>连接中断，或有一段时间没有任何回应。</translation>
    </message>
    <message>
        <source>It takes nothing new while it stops.</source>
        <translation>停止期间不接受新的请求。</translation>
    </message>
    <message>
        <source>As much waits for it as it can take.</source>
        <translation>排队等候处理的已达上限。</translation>
    </message>
    <message>
        <source>Nothing more could be written to it.</source>
        <translation>无法再写入任何数据。</translation>
    </message>
    <message>
        <source>Check its spelling and that it may be executed, or add the package that brings it to the project&apos;s lock.</source>
        <translation>请检查拼写和执行权限，或把提供该命令的软件包加入项目的锁定文件。</translation>
    </message>
    <message>
        <source>Ask for fewer GPUs or less VRAM, or choose another machine.</source>
        <translation>请减少 GPU 数量或显存，或选择其他机器。</translation>
    </message>
    <message>
        <source>See that it is on and its agent runs; it is tried again by itself.</source>
        <translation>请确认机器已开机且代理正在运行；之后会自动重新连接。</translation>
    </message>
    <message>
        <source>Make the lock again for that machine&apos;s Python and platform, and submit the run again.</source>
        <translation>请按该机器的 Python 版本和平台重新生成锁定文件，然后再次提交运行。</translation>
    </message>
    <message>
        <source>Read the build&apos;s log, mend what it names, and submit the run again.</source>
        <translation>请查看构建日志，修正其中指出的问题，然后再次提交运行。</translation>
    </message>
    <message>
        <source>Make room on that disk and try again.</source>
        <translation>请在该磁盘上腾出空间，然后重试。</translation>
    </message>
    <message>
        <source>See who may read it, or leave it out of the project.</source>
        <translation>请检查读取权限，或将其移出项目。</translation>
    </message>
    <message>
        <source>Choose the folder that the code is in.</source>
        <translation>请选择代码所在的文件夹。</translation>
    </message>
    <message>
        <source>Submit it again once nothing writes to the project.</source>
        <translation>待项目不再有写入后，请重新提交。</translation>
    </message>
    <message>
        <source>Pair with it again.</source>
        <translation>请重新与它配对。</translation>
    </message>
    <message>
        <source>Ask its owner, or who looks after that machine.</source>
        <translation>请联系其所有者，或那台机器的管理者。</translation>
    </message>
    <message>
        <source>It is made again by itself; try again then.</source>
        <translation>连接会自动重建；之后请再试。</translation>
    </message>
    <message>
        <source>Try again once it runs again.</source>
        <translation>请等它重新运行后再试。</translation>
    </message>
    <message>
        <source>Try again in a moment.</source>
        <translation>请稍后再试。</translation>
    </message>
    <message>
        <source>The pattern is no regular expression, at character {position}.</source>
        <translation>这不是有效的正则表达式，问题在第 {position} 个字符。</translation>
    </message>
    <message>
        <source>Write \ before a sign that is meant as it is, or look for it as a plain text.</source>
        <translation>请在按原样匹配的符号前加 \，或改为按普通文本查找。</translation>
    </message>
    <message>
        <source>A grace of {grace_s} can&apos;t be given there.</source>
        <translation>那台机器不接受 {grace_s} 的宽限时间。</translation>
    </message>
    <message>
        <source>Give it less time before SIGKILL.</source>
        <translation>请缩短发送 SIGKILL 之前的时间。</translation>
    </message>
    <message>
        <source>There are {rules} rules; a machine takes at most {rules_max}.</source>
        <translation>共有 {rules} 条规则；一台机器最多 {rules_max} 条。</translation>
    </message>
    <message>
        <source>Give a rule to those projects alone that need their own.</source>
        <translation>只给需要单独设置的项目设规则。</translation>
    </message>
    <message>
        <source>There are two rules for the project {project}.</source>
        <translation>项目 {project} 有两条规则。</translation>
    </message>
    <message>
        <source>There are two rules for all runs.</source>
        <translation>有两条规则针对所有运行。</translation>
    </message>
    <message>
        <source>Put their bounds into one rule.</source>
        <translation>请把它们的限制合并为一条规则。</translation>
    </message>
    <message>
        <source>The rule for the project {project} has no bound: it would keep everything.</source>
        <translation>项目 {project} 的规则没有限制：它会保留一切。</translation>
    </message>
    <message>
        <source>The rule for all runs has no bound: it would keep everything.</source>
        <translation>针对所有运行的规则没有限制：它会保留一切。</translation>
    </message>
    <message>
        <source>Give it an age, a number of runs or a size, or leave it out.</source>
        <translation>请给出期限、运行数或大小，或者去掉它。</translation>
    </message>
    <message>
        <source>Nothing would be kept: a run&apos;s files would go as it ends, before anybody could read them.</source>
        <translation>什么都不会保留：运行一结束文件就会被删除，没人来得及查看。</translation>
    </message>
    <message>
        <source>Give a bound above zero; to remove what is there now, remove the runs&apos; files.</source>
        <translation>请给出大于零的限制；要删除现有文件，请直接删除运行的文件。</translation>
    </message>
    <message>
        <source>{most} is no positive number and can&apos;t bound what is kept.</source>
        <translation>{most} 不是正数，不能作为保留的限制。</translation>
    </message>
    <message>
        <source>Give a bound above zero.</source>
        <translation>请给出大于零的限制。</translation>
    </message>
    <message>
        <source>A bound of the free space is no positive number.</source>
        <translation>空闲空间的限制不是正数。</translation>
    </message>
    <message>
        <source>Give a number of bytes; 0 for the low disk lets runs start while there is any space.</source>
        <translation>请给出字节数；磁盘下限为 0 表示只要有空间就启动运行。</translation>
    </message>
    <message>
        <source>{free_bytes_min} shall stay free, but no run is started below {low_disk}: runs would wait before the first old file is removed.</source>
        <translation>应保持 {free_bytes_min} 空闲，但低于 {low_disk} 时不启动运行：在删除第一个旧文件之前运行就会等待。</translation>
    </message>
    <message>
        <source>Let more stay free, or let runs start with less.</source>
        <translation>请保持更多空闲，或允许在空间更少时启动运行。</translation>
    </message>
    <message>
        <source>{wanted} can&apos;t be free on this disk: it has {disk} in all.</source>
        <translation>这块磁盘不可能有 {wanted} 空闲：它总共只有 {disk}。</translation>
    </message>
    <message>
        <source>Ask for less.</source>
        <translation>请减少要求。</translation>
    </message>
    <message>
        <source>{free_bytes_min} can&apos;t be made free: with all files of ended runs removed that may go, {reachable} would be.</source>
        <translation>无法腾出 {free_bytes_min}：即使删除所有可删的已结束运行的文件，也只有 {reachable} 空闲。</translation>
    </message>
    <message>
        <source>Ask for less, or unpin what you don&apos;t need.</source>
        <translation>请减少要求，或取消固定不需要的运行。</translation>
    </message>
    <message>
        <source>A submit takes 1 to {runs_max} runs; this one has {runs}.</source>
        <translation>一次提交可包含 1 到 {runs_max} 个运行；这次有 {runs} 个。</translation>
    </message>
    <message>
        <source>Send fewer runs at a time.</source>
        <translation>请每次少提交一些。</translation>
    </message>
    <message>
        <source>The run&apos;s name has {chars} characters; names have at most {chars_max}.</source>
        <translation>运行名称有 {chars} 个字符，最多 {chars_max} 个。</translation>
    </message>
    <message>
        <source>Give it a shorter name.</source>
        <translation>请使用更短的名称。</translation>
    </message>
    <message>
        <source>The run&apos;s snapshot has no valid id.</source>
        <translation>运行的快照没有有效的 ID。</translation>
    </message>
    <message>
        <source>Push the project again.</source>
        <translation>请重新推送项目。</translation>
    </message>
    <message>
        <source>The run wants an environment from a lock, but has no snapshot that holds the lock.</source>
        <translation>运行需要由锁定文件生成的环境，但没有包含该文件的快照。</translation>
    </message>
    <message>
        <source>Submit it with its project.</source>
        <translation>请连同项目一起提交。</translation>
    </message>
    <message>
        <source>The run&apos;s sweep has a name that can&apos;t be kept: one line of 1 to {chars_max} characters can.</source>
        <translation>无法保存参数扫描的名称：名称须为 1 到 {chars_max} 个字符的一行。</translation>
    </message>
    <message>
        <source>Give the sweep another name.</source>
        <translation>请为参数扫描另取名称。</translation>
    </message>
    <message>
        <source>The run&apos;s key in its sweep has {chars} characters; keys have at most {chars_max}.</source>
        <translation>运行在参数扫描中的键有 {chars} 个字符，最多 {chars_max} 个。</translation>
    </message>
    <message>
        <source>Give it a shorter key.</source>
        <translation>请使用更短的键。</translation>
    </message>
    <message>
        <source>A run can&apos;t ask for {gpus} GPUs, but for 0 to {gpus_max}.</source>
        <translation>一个运行不能请求 {gpus} 个 GPU，只能请求 0 到 {gpus_max} 个。</translation>
    </message>
    <message>
        <source>The run asks for VRAM or for kinds of GPUs, but for no GPU.</source>
        <translation>运行请求了显存或 GPU 种类，但没有请求 GPU。</translation>
    </message>
    <message>
        <source>Ask for another number of GPUs.</source>
        <translation>请更改 GPU 数量。</translation>
    </message>
    <message>
        <source>A run can&apos;t ask for {asked} bytes of VRAM.</source>
        <translation>一个运行不能请求 {asked} 字节显存。</translation>
    </message>
    <message>
        <source>Give 0 or more, and no more than a GPU can have.</source>
        <translation>请给出 0 或更大、且不超过 GPU 显存的值。</translation>
    </message>
    <message>
        <source>A run can&apos;t ask for {gpus} to {gpus_to} GPUs.</source>
        <translation>一个运行不能请求 {gpus} 到 {gpus_to} 个 GPU。</translation>
    </message>
    <message>
        <source>Give at least the first number, and at most {gpus_max}.</source>
        <translation>第二个数至少等于第一个数，最多 {gpus_max}。</translation>
    </message>
    <message>
        <source>The run asks for GPUs of its own and for shared ones.</source>
        <translation>运行既请求独占 GPU，又请求共享 GPU。</translation>
    </message>
    <message>
        <source>Ask for one of the two, or for neither.</source>
        <translation>请只选其一，或都不选。</translation>
    </message>
    <message>
        <source>{profile} is no profile of MIG instances.</source>
        <translation>{profile} 不是 MIG 实例的规格。</translation>
    </message>
    <message>
        <source>Give one as nvidia-smi tells it, such as 1g.10gb.</source>
        <translation>请按 nvidia-smi 的写法给出，例如 1g.10gb。</translation>
    </message>
    <message>
        <source>The run asks for MIG instances of {profile} that are linked; instances have no links to each other.</source>
        <translation>运行请求互联的 {profile} MIG 实例；实例之间没有互联。</translation>
    </message>
    <message>
        <source>Ask for whole GPUs, or leave &apos;linked&apos; out.</source>
        <translation>请请求整块 GPU，或去掉互联要求。</translation>
    </message>
    <message>
        <source>A run can&apos;t be promised {cores} CPU cores.</source>
        <translation>无法为运行保证 {cores} 个 CPU 核心。</translation>
    </message>
    <message>
        <source>Give 0 or more; parts of one, such as 0.5, will do.</source>
        <translation>请给出 0 或更大的值；0.5 这样的小数也可以。</translation>
    </message>
    <message>
        <source>A run can&apos;t be promised {asked} bytes of memory.</source>
        <translation>无法为运行保证 {asked} 字节内存。</translation>
    </message>
    <message>
        <source>Give 0 or more, and no more than a machine can have.</source>
        <translation>请给出 0 或更大、且机器可能具备的值。</translation>
    </message>
    <message>
        <source>A run can&apos;t be promised {asked} bytes of disk space.</source>
        <translation>无法为运行保证 {asked} 字节磁盘空间。</translation>
    </message>
    <message>
        <source>A niceness of {niceness} can&apos;t be given.</source>
        <translation>不能使用 {niceness} 作为 nice 值。</translation>
    </message>
    <message>
        <source>Give 0 (usual) to 19 (last); going first needs root.</source>
        <translation>请给出 0（默认）到 19（最低）；更高优先需要 root。</translation>
    </message>
    <message>
        <source>A priority of {priority} can&apos;t be given.</source>
        <translation>不能使用优先级 {priority}。</translation>
    </message>
    <message>
        <source>Give a smaller number; the usual one is 0.</source>
        <translation>请给出较小的数；默认是 0。</translation>
    </message>
    <message>
        <source>The run has {tags} tags, or one of them twice.</source>
        <translation>运行有 {tags} 个标签，或有重复的标签。</translation>
    </message>
    <message>
        <source>Give fewer tags, each once.</source>
        <translation>请减少标签，且不要重复。</translation>
    </message>
    <message>
        <source>A time limit of {time_limit_s} can&apos;t be kept.</source>
        <translation>无法执行 {time_limit_s} 的时限。</translation>
    </message>
    <message>
        <source>Give more than 0 s, or no limit.</source>
        <translation>请给出大于 0 秒的时限，或不设时限。</translation>
    </message>
    <message>
        <source>A run can&apos;t have {attempts_max} attempts.</source>
        <translation>一个运行不能有 {attempts_max} 次尝试。</translation>
    </message>
    <message>
        <source>Give 1 (no retry) or some more.</source>
        <translation>请给出 1（不重试）或稍大的数。</translation>
    </message>
    <message>
        <source>The pause before another attempt can&apos;t be {value} s.</source>
        <translation>再次尝试前的等待不能是 {value} 秒。</translation>
    </message>
    <message>
        <source>Give a shorter pause, not below 0 s.</source>
        <translation>请给出更短、且不小于 0 秒的等待。</translation>
    </message>
    <message>
        <source>The longest pause before another attempt can&apos;t be {value} s.</source>
        <translation>再次尝试前的最长等待不能是 {value} 秒。</translation>
    </message>
    <message>
        <source>The pauses between attempts can&apos;t grow by the factor {value}.</source>
        <translation>尝试之间的等待不能按倍数 {value} 增长。</translation>
    </message>
    <message>
        <source>Give 1 or a little more.</source>
        <translation>请给出 1 或稍大的数。</translation>
    </message>
    <message>
        <source>The pauses between attempts can&apos;t be spread by {value}.</source>
        <translation>尝试之间的等待不能按 {value} 分散。</translation>
    </message>
    <message>
        <source>Give 0 to 1.</source>
        <translation>请填写 0 到 1。</translation>
    </message>
    <message>
        <source>The run waits for {dependencies} others, which are too many.</source>
        <translation>运行等待其他 {dependencies} 个运行，太多了。</translation>
    </message>
    <message>
        <source>Let it wait for fewer.</source>
        <translation>请减少它等待的运行。</translation>
    </message>
    <message>
        <source>The runs wait for each other, so that none could ever start: {cycle}.</source>
        <translation>这些运行互相等待，谁也无法启动：{cycle}。</translation>
    </message>
    <message>
        <source>Leave one of these dependencies out.</source>
        <translation>请去掉其中一个依赖。</translation>
    </message>
    <message>
        <source>A log can&apos;t be capped at {bytes_max}.</source>
        <translation>日志上限不能是 {bytes_max}。</translation>
    </message>
    <message>
        <source>Give more, or less, or leave it to the machine.</source>
        <translation>请调大或调小，或由机器决定。</translation>
    </message>
    <message>
        <source>The run has {secrets} secrets, or one of them twice.</source>
        <translation>运行有 {secrets} 个机密值，或有重复的名称。</translation>
    </message>
    <message>
        <source>Give fewer secrets, each once.</source>
        <translation>请减少机密值，且名称不要重复。</translation>
    </message>
    <message>
        <source>A pattern has at least one character and not as many as {characters}.</source>
        <translation>搜索内容至少要有一个字符，且不能多达 {characters} 个。</translation>
    </message>
    <message>
        <source>Ask for a part of what you look for.</source>
        <translation>请只搜索其中一部分。</translation>
    </message>
    <message>
        <source>The constraint can&apos;t be read, at character {column}.</source>
        <translation>无法读取约束，位置在第 {column} 个字符。</translation>
    </message>
    <message>
        <source>Compare names with values, such as: vram &gt;= 20GB and sm &gt;= 80</source>
        <translation>请用名称与值比较，例如：vram &gt;= 20GB and sm &gt;= 80</translation>
    </message>
    <message>
        <source>These rules can&apos;t be taken: line {line} is wrong.</source>
        <translation>无法采用这些规则：第 {line} 行有错。</translation>
    </message>
    <message>
        <source>Mend that line, and save the rules again.</source>
        <translation>请修正该行，然后重新保存规则。</translation>
    </message>
    <message>
        <source>The notes have {chars} characters, which are too many.</source>
        <translation>备注有 {chars} 个字符，太多了。</translation>
    </message>
    <message>
        <source>Write less, and put long texts into a file of the project.</source>
        <translation>请写短一些，长文本可放在项目文件中。</translation>
    </message>
    <message>
        <source>It asks for {asks_cores} CPU cores; the machine has {has_cores}.</source>
        <translation>它请求 {asks_cores} 个 CPU 核心；机器只有 {has_cores} 个。</translation>
    </message>
    <message>
        <source>Ask for less, or choose another machine.</source>
        <translation>请减少请求，或选择另一台机器。</translation>
    </message>
    <message>
        <source>It asks for {asks} of memory; the machine has {has}.</source>
        <translation>它请求 {asks} 内存；机器只有 {has}。</translation>
    </message>
    <message>
        <source>It asks for {asks} of disk space; the machine has {has}.</source>
        <translation>它请求 {asks} 磁盘空间；机器只有 {has}。</translation>
    </message>
    <message>
        <source>It asks for {asks_gpus} GPUs with {asks} each; of GPU {gpu}, which has {total}, the driver itself keeps {driver}.</source>
        <translation>它请求 {asks_gpus} 个各有 {asks} 的 GPU；GPU {gpu} 共有 {total}，其中驱动自身占用 {driver}。</translation>
    </message>
    <message>
        <source>Ask for {most} or less, or choose another machine.</source>
        <translation>请请求 {most} 或更少，或选择另一台机器。</translation>
    </message>
    <message>
        <source>It asks for {asks_gpus} GPUs that match {where}; of the machine&apos;s {gpus_of_kind}, {gpus} do: {why}.</source>
        <translation>它请求 {asks_gpus} 个符合 {where} 的 GPU；机器的 {gpus_of_kind} 个中有 {gpus} 个符合：{why}。</translation>
    </message>
    <message>
        <source>It asks for {asks_gpus} GPUs that match {where}; of the machine&apos;s {gpus_of_kind}, {gpus} do, and {gpus_large_enough} of them have as much VRAM.</source>
        <translation>它请求 {asks_gpus} 个符合 {where} 的 GPU；机器的 {gpus_of_kind} 个中有 {gpus} 个符合，其中 {gpus_large_enough} 个有足够显存。</translation>
    </message>
    <message>
        <source>It asks for {asks_gpus} GPUs; runs of {name} may have {gpus_max} here.</source>
        <translation>它请求 {asks_gpus} 个 GPU；{name} 的运行在此最多可用 {gpus_max} 个。</translation>
    </message>
    <message>
        <source>Ask for less, choose another machine, or ask the owner of this one.</source>
        <translation>请减少请求、选择另一台机器，或询问这台机器的所有者。</translation>
    </message>
    <message>
        <source>It asks for {asks_gpus} GPUs; runs with the tag {name} may have {gpus_max} here.</source>
        <translation>它请求 {asks_gpus} 个 GPU；带有标签 {name} 的运行在此最多可用 {gpus_max} 个。</translation>
    </message>
    <message>
        <source>It asks for {asks_gpus} GPUs; the rules of the machine let runs have {gpus} of that kind.</source>
        <translation>它请求 {asks_gpus} 个 GPU；机器的规则只允许运行使用 {gpus} 个此类 GPU。</translation>
    </message>
    <message>
        <source>Building the environment took over {timeout_s}.</source>
        <translation>构建环境超过了 {timeout_s}。</translation>
    </message>
    <message>
        <source>Submit it again: what was downloaded is kept.</source>
        <translation>请重新提交：已下载的内容会保留。</translation>
    </message>
    <message>
        <source>The files of run {run} were removed, by somebody or by a rule of the machine.</source>
        <translation>运行 {run} 的文件已被人或机器的规则删除。</translation>
    </message>
    <message>
        <source>Pin a run to keep its files; restart it to have them made again.</source>
        <translation>固定运行可保留其文件；重新启动可再次生成。</translation>
    </message>
    <message>
        <source>Run {run} waits for another run, {other}, which this machine does not have.</source>
        <translation>运行 {run} 等待另一个运行 {other}，而这台机器上没有它。</translation>
    </message>
    <message>
        <source>Submit that one to the same machine first.</source>
        <translation>请先把那个运行提交到同一台机器。</translation>
    </message>
    <message>
        <source>This machine has no GPU {gpu}.</source>
        <translation>这台机器没有 GPU {gpu}。</translation>
    </message>
    <message>
        <source>Name one by its number, or by its UUID.</source>
        <translation>请用编号或 UUID 指定一个。</translation>
    </message>
    <message>
        <source>No such device is paired with this machine: {device}.</source>
        <translation>没有这样的设备与这台机器配对：{device}。</translation>
    </message>
    <message>
        <source>Look at the devices that are paired with it.</source>
        <translation>请查看与它配对的设备。</translation>
    </message>
    <message>
        <source>The run can&apos;t begin in {directory}.</source>
        <translation>运行无法在 {directory} 中开始。</translation>
    </message>
    <message>
        <source>Check its spelling, and that the project&apos;s folder is not left out by an ignore rule.</source>
        <translation>请检查拼写，并确认该项目文件夹没有被忽略规则排除。</translation>
    </message>
    <message>
        <source>The project as it was sent, {snapshot}, is not on this machine.</source>
        <translation>这台机器上没有当时发送的项目 {snapshot}。</translation>
    </message>
    <message>
        <source>Submit the run again with its project.</source>
        <translation>请连同项目重新提交运行。</translation>
    </message>
    <message>
        <source>{path} isn&apos;t there any more, or is no plain file.</source>
        <translation>{path} 已不存在，或不是普通文件。</translation>
    </message>
    <message>
        <source>Look at the list again: it may have been moved.</source>
        <translation>请重新查看列表：它可能被移动了。</translation>
    </message>
    <message>
        <source>This change was sent already with another content.</source>
        <translation>这个更改已经以其他内容发送过。</translation>
    </message>
    <message>
        <source>Make the change once more.</source>
        <translation>请重新做一次更改。</translation>
    </message>
    <message>
        <source>The submit takes {size}; one submit may have {size_bytes_max}.</source>
        <translation>这次提交有 {size}；一次提交最多 {size_bytes_max}。</translation>
    </message>
    <message>
        <source>Send the runs in several submits.</source>
        <translation>请分多次提交运行。</translation>
    </message>
    <message>
        <source>The secret {secret} is too large.</source>
        <translation>机密值 {secret} 太大。</translation>
    </message>
    <message>
        <source>Put large files on the machine by another way.</source>
        <translation>大文件请用其他方式放到机器上。</translation>
    </message>
    <message>
        <source>The run has no attempt {attempt}; its latest is {latest}.</source>
        <translation>运行没有第 {attempt} 次尝试；最近一次是第 {latest} 次。</translation>
    </message>
    <message>
        <source>Choose one that there is.</source>
        <translation>请选择已有的一次。</translation>
    </message>
    <message>
        <source>The files of run {run} are gone: they are being removed, or were removed by hand.</source>
        <translation>运行 {run} 的文件没有了：正在被删除，或已被手动删除。</translation>
    </message>
    <message>
        <source>Restart the run to have them made again.</source>
        <translation>请重新启动运行，以再次生成它们。</translation>
    </message>
    <message>
        <source>The run has no log of its own for stderr: it is in its one log, in order.</source>
        <translation>运行没有单独的 stderr 日志：它按顺序在同一份日志里。</translation>
    </message>
    <message>
        <source>Look into that one.</source>
        <translation>请查看那一份。</translation>
    </message>
    <message>
        <source>Look at the run&apos;s directory on that machine.</source>
        <translation>请查看那台机器上该运行的目录。</translation>
    </message>
    <message>
        <source>The log can&apos;t be read: {why}.</source>
        <translation>无法读取日志：{why}。</translation>
    </message>
    <message>
        <source>Look at the run&apos;s directory, and at the machine&apos;s disk.</source>
        <translation>请查看运行的目录和机器的磁盘。</translation>
    </message>
    <message>
        <source>The run has no environment of its own, so nothing was built for it: it uses the machine&apos;s Python.</source>
        <translation>运行没有自己的环境，所以没有构建过：它使用机器的 Python。</translation>
    </message>
    <message>
        <source>Look at the run&apos;s own log.</source>
        <translation>请查看运行自己的日志。</translation>
    </message>
    <message>
        <source>Nothing is known of the past of GPU {gpu}.</source>
        <translation>没有 GPU {gpu} 的历史记录。</translation>
    </message>
    <message>
        <source>Nothing is known of the machine&apos;s past.</source>
        <translation>没有这台机器的历史记录。</translation>
    </message>
    <message>
        <source>A new one has a history after a second; else look at the machine&apos;s GPUs.</source>
        <translation>新的 GPU 一秒后就有历史记录；否则请查看机器的 GPU 列表。</translation>
    </message>
    <message>
        <source>The snapshot has no file {path}: it may be left out by an ignore rule, or be a link or a folder.</source>
        <translation>快照中没有文件 {path}：可能被忽略规则排除，或是链接、文件夹。</translation>
    </message>
    <message>
        <source>Name a file that is part of the project.</source>
        <translation>请指定项目中的文件。</translation>
    </message>
    <message>
        <source>{missing} parts of the project have not arrived, {blob} among them.</source>
        <translation>项目有 {missing} 个部分没有送到，其中有 {blob}。</translation>
    </message>
    <message>
        <source>No file has {length} bytes at {offset}.</source>
        <translation>没有文件在 {offset} 处有 {length} 字节。</translation>
    </message>
    <message>
        <source>No file has bytes at {offset}.</source>
        <translation>没有文件在 {offset} 处有内容。</translation>
    </message>
    <message>
        <source>Begin at 0, and ask for a length that isn&apos;t negative.</source>
        <translation>请从 0 开始，长度不能为负。</translation>
    </message>
    <message>
        <source>The log can&apos;t be read: {path} is {what} ({why}).</source>
        <translation>无法读取日志：{path} {what}（{why}）。</translation>
    </message>
    <message>
        <source>{points} points can&apos;t be asked for.</source>
        <translation>不能请求 {points} 个点。</translation>
    </message>
    <message>
        <source>Ask for 1 to {points_max} points.</source>
        <translation>请请求 1 到 {points_max} 个点。</translation>
    </message>
    <message>
        <source>{matches} matches can&apos;t be asked for: a search ends after 1 to {matches_max} of them.</source>
        <translation>不能请求 {matches} 处匹配：一次搜索最多到 1 至 {matches_max} 处为止。</translation>
    </message>
    <message>
        <source>Ask for fewer, and search on from where it ended.</source>
        <translation>请减少数量，并从结束处继续搜索。</translation>
    </message>
    <message>
        <source>The pattern has a line end in it; a log is searched line by line, so nothing would be found.</source>
        <translation>搜索内容含有换行；日志是逐行搜索的，所以什么也找不到。</translation>
    </message>
    <message>
        <source>Look for one of the lines.</source>
        <translation>请只搜索其中一行。</translation>
    </message>
    <message>
        <source>The pattern takes too long: it was looked for with {cpu_s} of processor time without getting on, as patterns that repeat a repetition do.</source>
        <translation>搜索内容太费时：用了 {cpu_s} 处理器时间仍没有进展，重复中再重复的表达式就会这样。</translation>
    </message>
    <message>
        <source>Write it so that each text can match in one way only, or look for a plain text.</source>
        <translation>请改写，使每段文字只有一种匹配方式，或改为搜索普通文字。</translation>
    </message>
    <message>
        <source>The pattern needs too much memory: a search may have {memory}.</source>
        <translation>搜索内容需要太多内存：一次搜索最多 {memory}。</translation>
    </message>
    <message>
        <source>Use smaller repeat counts, or look for a plain text.</source>
        <translation>请减小重复次数，或改为搜索普通文字。</translation>
    </message>
    <message>
        <source>The search was ended: nobody took what it found for {wait_s}, and others may be waiting.</source>
        <translation>搜索已终止：找到的内容有 {wait_s} 没有被取走，而别人可能在等待。</translation>
    </message>
    <message>
        <source>Search on from where it ended.</source>
        <translation>请从结束处继续搜索。</translation>
    </message>
    <message>
        <source>The process that searches was lost: {why}.</source>
        <translation>负责搜索的进程已丢失：{why}。</translation>
    </message>
    <message>
        <source>Search again; if it stays so, look at the machine&apos;s memory.</source>
        <translation>请再搜索一次；若仍如此，请查看机器的内存。</translation>
    </message>
    <message>
        <source>{hash} is no hash of a file or a snapshot.</source>
        <translation>“{hash}”不是文件或快照的哈希值。</translation>
    </message>
    <message>
        <source>Use the ids that Lanherd gives.</source>
        <translation>请使用 Lanherd 给出的 ID。</translation>
    </message>
    <message>
        <source>{path} expects {expected} of blob {blob}, which has {found}.</source>
        <translation>{path} 需要数据块 {blob} 的 {expected}，而它有 {found}。</translation>
    </message>
    <message>
        <source>The list of the project&apos;s files can&apos;t be taken: {why}.</source>
        <translation>无法接受项目的文件清单：{why}。</translation>
    </message>
    <message>
        <source>The project&apos;s files did not arrive as they were sent: {why}.</source>
        <translation>项目的文件没有完好送达：{why}。</translation>
    </message>
    <message>
        <source>One call may ask for {blobs_max} blobs; this one asks for {blobs}.</source>
        <translation>一次最多可询问 {blobs_max} 个数据块；这次询问了 {blobs} 个。</translation>
    </message>
    <message>
        <source>Ask in several calls.</source>
        <translation>请分几次询问。</translation>
    </message>
    <message>
        <source>One pack may have {blobs_max} blobs; this one has {blobs}.</source>
        <translation>一个包最多有 {blobs_max} 个数据块；这个有 {blobs} 个。</translation>
    </message>
    <message>
        <source>Send several packs.</source>
        <translation>请分成几个包发送。</translation>
    </message>
    <message>
        <source>The project has so many files that their list is over {manifest_bytes_max}.</source>
        <translation>项目的文件太多，它们的清单超过 {manifest_bytes_max}。</translation>
    </message>
    <message>
        <source>Leave folders out of the project by .lanherdignore.</source>
        <translation>请用 .lanherdignore 把一些文件夹排除在项目之外。</translation>
    </message>
    <message>
        <source>{path} has {file}; {file_bytes_max} is the most for such a file.</source>
        <translation>{path} 有 {file}；这样的文件最多 {file_bytes_max}。</translation>
    </message>
    <message>
        <source>Name another file.</source>
        <translation>请指定另一个文件。</translation>
    </message>
    <message>
        <source>The folder {folder} exists or is being built.</source>
        <translation>文件夹 {folder} 已存在，或正在生成。</translation>
    </message>
    <message>
        <source>Use another folder.</source>
        <translation>请使用另一个文件夹。</translation>
    </message>
    <message>
        <source>Unpacking the project was cancelled.</source>
        <translation>展开项目的操作被取消。</translation>
    </message>
    <message>
        <source>Start the run again.</source>
        <translation>请再次启动运行。</translation>
    </message>
    <message>
        <source>The rules were changed meanwhile: they are not those any more that you began with.</source>
        <translation>规则在此期间被改过：不再是开始时的规则。</translation>
    </message>
    <message>
        <source>Look at them again, and make your change there.</source>
        <translation>请重新查看规则，再做修改。</translation>
    </message>
    <message>
        <source>The rules can&apos;t be written to {path}: {why}.</source>
        <translation>无法把规则写入 {path}：{why}。</translation>
    </message>
    <message>
        <source>Make room on the machine&apos;s disk, or let the agent&apos;s user write there.</source>
        <translation>请在机器的磁盘上腾出空间，或允许代理的用户写入。</translation>
    </message>
    <message>
        <source>The run&apos;s secrets can&apos;t be kept on the machine: {why}.</source>
        <translation>无法把运行的机密值保存在机器上：{why}。</translation>
    </message>
    <message>
        <source>Make room in the agent&apos;s home and submit the run again.</source>
        <translation>请在代理的主目录腾出空间，再次提交运行。</translation>
    </message>
    <message>
        <source>The machine could not {what}.</source>
        <translation>机器无法{what}。</translation>
    </message>
    <message>
        <source>Free some space in the agent&apos;s home on that machine and try again.</source>
        <translation>请在那台机器上代理的主目录腾出空间，然后再试。</translation>
    </message>
    <message>
        <source>The machine could not {what}: {why}.</source>
        <translation>机器无法{what}：{why}。</translation>
    </message>
    <message>
        <source>Look at the agent&apos;s home on that machine, and at its disk.</source>
        <translation>请查看那台机器上代理的主目录和磁盘。</translation>
    </message>
    <message>
        <source>{lock} can&apos;t be made into an environment: it isn&apos;t valid TOML.</source>
        <translation>无法由 {lock} 生成环境：它不是有效的 TOML。</translation>
    </message>
    <message>
        <source>Make the lock again.</source>
        <translation>请重新生成锁文件。</translation>
    </message>
    <message>
        <source>{lock} can&apos;t be made into an environment: its packages are no list.</source>
        <translation>无法由 {lock} 生成环境：其中的软件包不是列表。</translation>
    </message>
    <message>
        <source>{lock} can&apos;t be made into an environment: package {package} comes from the folder {folder} of the project.</source>
        <translation>无法由 {lock} 生成环境：软件包 {package} 来自项目的文件夹 {folder}。</translation>
    </message>
    <message>
        <source>Export what is to be installed by &apos;uv export --no-emit-project --no-emit-workspace -o requirements.txt&apos; and remove {lock} from the project.</source>
        <translation>请用 uv export --no-emit-project --no-emit-workspace -o requirements.txt 导出要安装的内容，并从项目中移除 {lock}。</translation>
    </message>
    <message>
        <source>{lock} can&apos;t be made into an environment: it names no project.</source>
        <translation>无法由 {lock} 生成环境：其中没有项目。</translation>
    </message>
    <message>
        <source>Looking for a Python took too long: {command} didn&apos;t answer within {timeout_s}.</source>
        <translation>查找 Python 太久：{command} 在 {timeout_s} 内没有回应。</translation>
    </message>
    <message>
        <source>Look at that machine&apos;s Python installations.</source>
        <translation>请查看那台机器上安装的 Python。</translation>
    </message>
    <message>
        <source>The script of simulated GPUs in {file} can&apos;t be used: {why}.</source>
        <translation>{file} 中的模拟 GPU 脚本无法使用：{why}。</translation>
    </message>
    <message>
        <source>Correct the file, or start the agent without it.</source>
        <translation>请改正文件，或不用它启动代理。</translation>
    </message>
    <message>
        <source>The agent of this machine is stopping; its runs go on without it.</source>
        <translation>这台机器的代理正在停止；运行会继续。</translation>
    </message>
    <message>
        <source>Try again when it is back; the same request is safe to send again.</source>
        <translation>请等它恢复后再试；同一请求可以放心重发。</translation>
    </message>
    <message>
        <source>The run has no {what}.</source>
        <translation>运行没有{what}。</translation>
    </message>
    <message>
        <source>Say what to run.</source>
        <translation>请填写要运行什么。</translation>
    </message>
    <message>
        <source>The run&apos;s {what} is too long: at most {arguments_max} arguments and {size_bytes_max} are taken.</source>
        <translation>运行的{what}太长：最多 {arguments_max} 个参数、{size_bytes_max}。</translation>
    </message>
    <message>
        <source>Put long lists into a file of the project.</source>
        <translation>请把长列表写进项目的文件。</translation>
    </message>
    <message>
        <source>An argument of the run&apos;s {what} holds a NUL byte.</source>
        <translation>运行的{what}有一个参数含有空字符（NUL）。</translation>
    </message>
    <message>
        <source>Leave it out.</source>
        <translation>请去掉它。</translation>
    </message>
    <message>
        <source>The run has too many environment variables: there may be {variables_max}, in {size_bytes_max}.</source>
        <translation>运行的环境变量太多：最多 {variables_max} 个，合计 {size_bytes_max}。</translation>
    </message>
    <message>
        <source>Leave some out, or put them into a file of the project.</source>
        <translation>请去掉一些，或写进项目的文件。</translation>
    </message>
    <message>
        <source>The environment variable {variable} can&apos;t be set.</source>
        <translation>无法设置环境变量“{variable}”。</translation>
    </message>
    <message>
        <source>Names are not empty and hold no &apos;=&apos;; nothing holds a NUL byte.</source>
        <translation>名称不能为空，也不能含“=”；名称和值都不能含空字符（NUL）。</translation>
    </message>
    <message>
        <source>{id} is no run id.</source>
        <translation>“{id}”不是运行 ID。</translation>
    </message>
    <message>
        <source>Name a run as Lanherd does.</source>
        <translation>请使用 Lanherd 给出的运行 ID。</translation>
    </message>
    <message>
        <source>A submit names run {run} twice.</source>
        <translation>一次提交中两次出现运行 {run}。</translation>
    </message>
    <message>
        <source>Give every run an id of its own.</source>
        <translation>请为每个运行使用不同的 ID。</translation>
    </message>
    <message>
        <source>{tag} can&apos;t be a tag.</source>
        <translation>“{tag}”不能用作标签。</translation>
    </message>
    <message>
        <source>A tag is 1 to {tag_chars_max} printable characters, with no spaces around.</source>
        <translation>标签由 1 到 {tag_chars_max} 个可见字符组成，首尾不能有空格。</translation>
    </message>
    <message>
        <source>The retry rule names an outcome twice.</source>
        <translation>重试规则把同一种结果写了两次。</translation>
    </message>
    <message>
        <source>Name each once.</source>
        <translation>每个只写一次。</translation>
    </message>
    <message>
        <source>The retry rule names {what} that there are not.</source>
        <translation>重试规则中有不存在的{what}。</translation>
    </message>
    <message>
        <source>Name each once, from 1 to {most}.</source>
        <translation>每个只写一次，范围为 1 到 {most}。</translation>
    </message>
    <message>
        <source>The run waits for the same run twice.</source>
        <translation>运行对同一个运行等待了两次。</translation>
    </message>
    <message>
        <source>Run {run} waits for itself.</source>
        <translation>运行 {run} 在等待它自己。</translation>
    </message>
    <message>
        <source>Leave that dependency out.</source>
        <translation>请去掉这个依赖。</translation>
    </message>
    <message>
        <source>The run can&apos;t begin in {directory}: it {why}.</source>
        <translation>运行不能从“{directory}”开始：它{why}。</translation>
    </message>
    <message>
        <source>Give a folder of the project, such as &apos;src&apos;, or an absolute path.</source>
        <translation>请填写项目中的文件夹（如 src），或绝对路径。</translation>
    </message>
    <message>
        <source>{secret} can&apos;t be the name of a secret.</source>
        <translation>“{secret}”不能用作机密值的名称。</translation>
    </message>
    <message>
        <source>Names are letters, digits and &apos;_&apos;, and don&apos;t begin with a digit.</source>
        <translation>名称由字母、数字和“_”组成，不能以数字开头。</translation>
    </message>
    <message>
        <source>The run has {secrets} secrets; a run takes at most {secrets_max}.</source>
        <translation>运行有 {secrets} 个机密值；一个运行最多 {secrets_max} 个。</translation>
    </message>
    <message>
        <source>Put several values into one secret.</source>
        <translation>请把几个值合成一个机密值。</translation>
    </message>
    <message>
        <source>The run&apos;s secrets don&apos;t match their names.</source>
        <translation>运行的机密值与名称对不上。</translation>
    </message>
    <message>
        <source>Give every secret&apos;s name once, with its value.</source>
        <translation>每个机密值的名称只写一次，并给出它的值。</translation>
    </message>
    <message>
        <source>The run asks for an environment, but has no project, whose lock would say what is in it.</source>
        <translation>运行请求了环境，却没有项目：环境的锁文件应在项目中。</translation>
    </message>
    <message>
        <source>Submit it with a project, or without an environment.</source>
        <translation>请连同项目一起提交，或不要环境。</translation>
    </message>
    <message>
        <source>The submit was to have {size}, and has another size.</source>
        <translation>提交的内容应有 {size}，实际大小不同。</translation>
    </message>
    <message>
        <source>Nothing of it was taken: send it again.</source>
        <translation>没有接收任何内容：请再提交一次。</translation>
    </message>
    <message>
        <source>A page of runs holds 1 to {limit_max}, and {limit} were asked for.</source>
        <translation>一页有 1 到 {limit_max} 个运行，请求的是 {limit} 个。</translation>
    </message>
    <message>
        <source>Ask for the next page with the last run of the one before.</source>
        <translation>请用上一页的最后一个运行请求下一页。</translation>
    </message>
    <message>
        <source>The run&apos;s description is too large: with all that is told of a run it would take over {listing_bytes_max}.</source>
        <translation>运行的描述太大：连同要显示的全部信息会超过 {listing_bytes_max}。</translation>
    </message>
    <message>
        <source>Put long texts into a file of the project.</source>
        <translation>请把长文字写进项目的文件。</translation>
    </message>
    <message>
        <source>The submit is too large: with all that is told of its runs it would take over {listing_bytes_max}.</source>
        <translation>提交的内容太大：连同要显示的全部信息会超过 {listing_bytes_max}。</translation>
    </message>
    <message>
        <source>Run {run} is over: there is nothing to hold back.</source>
        <translation>运行 {run} 已结束：没有可以暂缓的了。</translation>
    </message>
    <message>
        <source>Restart it as a new run.</source>
        <translation>请重新启动，成为一个新的运行。</translation>
    </message>
    <message>
        <source>Run {run} is started already; only a run that waits can be held.</source>
        <translation>运行 {run} 已经启动；只有等待中的运行可以暂缓。</translation>
    </message>
    <message>
        <source>Stop it, or let it end.</source>
        <translation>请停止它，或等它结束。</translation>
    </message>
    <message>
        <source>Run {run} is losing its files: their removal has begun.</source>
        <translation>运行 {run} 的文件正在被删除。</translation>
    </message>
    <message>
        <source>Run {run} does not wait any more; only runs that wait stand in line.</source>
        <translation>运行 {run} 不再等待；只有等待中的运行才在队列里。</translation>
    </message>
    <message>
        <source>Choose another run.</source>
        <translation>请选择另一个运行。</translation>
    </message>
    <message>
        <source>Run {run} is not over: its files are still in use.</source>
        <translation>运行 {run} 还没有结束：它的文件还在使用。</translation>
    </message>
    <message>
        <source>Stop it first, or wait until it has ended.</source>
        <translation>请先停止它，或等它结束。</translation>
    </message>
    <message>
        <source>Run {run} is pinned: its files are to be kept.</source>
        <translation>运行 {run} 已固定：它的文件要保留。</translation>
    </message>
    <message>
        <source>Unpin it first.</source>
        <translation>请先取消固定。</translation>
    </message>
    <message>
        <source>Run {run} was already submitted as something else, or by another user.</source>
        <translation>运行 {run} 已经以别的内容提交过，或由别的用户提交过。</translation>
    </message>
    <message>
        <source>Submit it as a new run.</source>
        <translation>请作为新的运行提交。</translation>
    </message>
    <message>
        <source>Run {run} was submitted with other secrets, and can&apos;t be given other values.</source>
        <translation>运行 {run} 提交时用的是别的机密值，不能再换。</translation>
    </message>
    <message>
        <source>The secrets of run {run} are gone: they are removed when a run has ended.</source>
        <translation>运行 {run} 的机密值已经没有了：运行结束时会删除它们。</translation>
    </message>
    <message>
        <source>Submit it anew, with its secrets.</source>
        <translation>请连同机密值重新提交。</translation>
    </message>
    <message>
        <source>This machine has no run {run}.</source>
        <translation>这台机器上没有运行 {run}。</translation>
    </message>
    <message>
        <source>Look at the list of runs; it may belong to another machine.</source>
        <translation>请查看运行列表；它可能属于另一台机器。</translation>
    </message>
    <message>
        <source>This machine has no run {run} that waits.</source>
        <translation>这台机器上没有等待中的运行 {run}。</translation>
    </message>
    <message>
        <source>Look at the list of runs; it may be over.</source>
        <translation>请查看运行列表；它可能已经结束。</translation>
    </message>
    <message>
        <source>The run&apos;s secrets are not on this machine any more: their files were removed.</source>
        <translation>运行的机密值已不在这台机器上：它们的文件被删除了。</translation>
    </message>
    <message>
        <source>Submit the run again with its secrets.</source>
        <translation>请连同机密值再次提交这个运行。</translation>
    </message>
    <message>
        <source>{id} is no command id.</source>
        <translation>“{id}”不是命令 ID。</translation>
    </message>
    <message>
        <source>Command ids are UUIDv7 in lower case.</source>
        <translation>命令 ID 是小写的 UUIDv7。</translation>
    </message>
    <message>
        <source>This command has changed something else already, and can&apos;t be used for anything else.</source>
        <translation>这个命令已经做过别的更改，不能再用于其他更改。</translation>
    </message>
    <message>
        <source>Send it as a new command.</source>
        <translation>请作为新的命令发送。</translation>
    </message>
    <message>
        <source>{name} needs the role {needed} on that machine; this device has the role {role}.</source>
        <translation>在那台机器上，{name} 需要角色“{needed}”；本设备的角色是“{role}”。</translation>
    </message>
    <message>
        <source>Ask an admin of the machine for a higher role.</source>
        <translation>请联系该机器的管理员，获得更高的角色。</translation>
    </message>
    <message>
        <source>{method} can only be asked on the machine itself.</source>
        <translation>{method} 只能在那台机器本机上执行。</translation>
    </message>
    <message>
        <source>Run it on that machine, or through SSH.</source>
        <translation>请在那台机器上执行，或通过 SSH。</translation>
    </message>
    <message>
        <source>It belongs to {owner}; the role of this device lets you do that only with your own runs.</source>
        <translation>它属于 {owner}；本设备的角色只能对自己的运行这样做。</translation>
    </message>
    <message>
        <source>Ask its owner or an operator of the machine.</source>
        <translation>请联系所有者，或该机器的操作员。</translation>
    </message>
    <message>
        <source>It belongs to {owner}, and this device has the role {role}.</source>
        <translation>它属于 {owner}，而本设备的角色是“{role}”。</translation>
    </message>
    <message>
        <source>{waiting} runs wait on this machine already; it takes at most {waiting_max}.</source>
        <translation>这台机器上已有 {waiting} 个运行在等待；最多 {waiting_max} 个。</translation>
    </message>
    <message>
        <source>Wait until some have ended, or cancel some.</source>
        <translation>请等一些运行结束，或取消一些。</translation>
    </message>
    <message>
        <source>The machine does {searches} searches at once, and none of them ended meanwhile.</source>
        <translation>机器同时最多做 {searches} 个搜索，而这段时间都没有结束。</translation>
    </message>
    <message>
        <source>{waiting} requests are waiting for the machine&apos;s disk.</source>
        <translation>有 {waiting} 个请求在等待机器的磁盘。</translation>
    </message>
    <message>
        <source>The Lanherd on that machine has no {name}.</source>
        <translation>那台机器上的 Lanherd 没有 {name}。</translation>
    </message>
    <message>
        <source>Upgrade Lanherd on that machine.</source>
        <translation>请升级那台机器上的 Lanherd。</translation>
    </message>
    <message>
        <source>The Lanherd on that machine knows no message of the kind {tag}.</source>
        <translation>那台机器上的 Lanherd 不认识 {tag} 这种消息。</translation>
    </message>
    <message>
        <source>Lanherd {our_version} and {their_version} don&apos;t speak the same protocol.</source>
        <translation>Lanherd {our_version} 和 {their_version} 使用的协议不同。</translation>
    </message>
    <message>
        <source>Upgrade Lanherd here.</source>
        <translation>请升级本机的 Lanherd。</translation>
    </message>
    <message>
        <source>{method} took longer than {timeout_s}.</source>
        <translation>{method} 超过了 {timeout_s}。</translation>
    </message>
    <message>
        <source>Try again; if it stays so, look at the machine&apos;s load.</source>
        <translation>请再试一次；若仍如此，请查看机器的负载。</translation>
    </message>
    <message>
        <source>No address of the machine answered within {timeout_s}.</source>
        <translation>机器的任何地址在 {timeout_s} 内都没有回应。</translation>
    </message>
    <message>
        <source>Check that it is on, in this network, and that no firewall is between.</source>
        <translation>请确认它已开机、在本网络中，且中间没有防火墙。</translation>
    </message>
    <message>
        <source>The device has no usable name: one line of 1 to {chars_max} characters.</source>
        <translation>设备没有可用的名称：应为 1 到 {chars_max} 个字符的一行。</translation>
    </message>
    <message>
        <source>Give the device a name and pair again.</source>
        <translation>请给设备取名，然后重新配对。</translation>
    </message>
    <message>
        <source>The pattern is no regular expression.</source>
        <translation>搜索内容不是正则表达式。</translation>
    </message>
    <message>
        <source>The agent&apos;s records in {path} can&apos;t be used; runs go on without them.</source>
        <translation>代理在 {path} 中的记录无法使用；运行会继续。</translation>
    </message>
    <message>
        <source>Check the disk of that machine, then start the agent again.</source>
        <translation>请检查那台机器的磁盘，然后重新启动代理。</translation>
    </message>
    <message>
        <source>{path} can&apos;t be written: {why}.</source>
        <translation>无法写入 {path}：{why}。</translation>
    </message>
    <message>
        <source>The change could not be written to {path}, and nothing of it was done.</source>
        <translation>无法把改动写入 {path}，所以什么也没有做。</translation>
    </message>
    <message>
        <source>A stored part of a project is damaged and was removed: {blob}.</source>
        <translation>项目的一个已保存部分已损坏并被删除：{blob}。</translation>
    </message>
    <message>
        <source>Push the project again; check that machine&apos;s disk.</source>
        <translation>请重新推送项目，并检查那台机器的磁盘。</translation>
    </message>
    <message>
        <source>A stored snapshot is damaged and was removed: {snapshot}.</source>
        <translation>一个已保存的快照已损坏并被删除：{snapshot}。</translation>
    </message>
    <message>
        <source>{lock} is not the lock that the run asks for: it has changed since the environment was chosen.</source>
        <translation>{lock} 不是运行所要的锁文件：选定环境之后它被改过。</translation>
    </message>
    <message>
        <source>Submit the run again.</source>
        <translation>请再次提交运行。</translation>
    </message>
    <message>
        <source>The machine has no Python {python}; its agent runs on Python {default}.</source>
        <translation>机器上没有 Python {python}；它的代理使用 Python {default}。</translation>
    </message>
    <message>
        <source>Install Python {python} there, or ask for another version.</source>
        <translation>请在那里安装 Python {python}，或请求其他版本。</translation>
    </message>
    <message>
        <source>The machine can&apos;t get the packages of {lock}.</source>
        <translation>机器无法取得 {lock} 中的软件包。</translation>
    </message>
    <message>
        <source>The package index {host} doesn&apos;t let the machine in.</source>
        <translation>软件包源 {host} 不让这台机器访问。</translation>
    </message>
    <message>
        <source>The package index doesn&apos;t let the machine in.</source>
        <translation>软件包源不让这台机器访问。</translation>
    </message>
    <message>
        <source>Check its address, user and password in the settings of that machine&apos;s agent (UV_DEFAULT_INDEX).</source>
        <translation>请检查那台机器的代理设置中的地址、用户和密码（UV_DEFAULT_INDEX）。</translation>
    </message>
    <message>
        <source>The package index {host} shows a certificate that the machine doesn&apos;t trust.</source>
        <translation>机器不信任软件包源 {host} 的证书。</translation>
    </message>
    <message>
        <source>The package index shows a certificate that the machine doesn&apos;t trust.</source>
        <translation>机器不信任软件包源的证书。</translation>
    </message>
    <message>
        <source>If the index is your own, give its authority&apos;s certificate to that machine&apos;s agent as SSL_CERT_FILE.</source>
        <translation>如果是自己的软件包源，请把其签发者的证书用 SSL_CERT_FILE 交给那台机器的代理。</translation>
    </message>
    <message>
        <source>The package index {host} answers too slowly.</source>
        <translation>软件包源 {host} 应答太慢。</translation>
    </message>
    <message>
        <source>The package index answers too slowly.</source>
        <translation>软件包源应答太慢。</translation>
    </message>
    <message>
        <source>Try again later, or give that machine&apos;s agent a nearer index (UV_DEFAULT_INDEX).</source>
        <translation>请稍后再试，或给那台机器的代理一个更近的软件包源（UV_DEFAULT_INDEX）。</translation>
    </message>
    <message>
        <source>The machine can&apos;t reach the package index {host}.</source>
        <translation>机器无法连接软件包源 {host}。</translation>
    </message>
    <message>
        <source>The machine can&apos;t reach its package index.</source>
        <translation>机器无法连接它的软件包源。</translation>
    </message>
    <message>
        <source>Check that machine&apos;s way to its package index (UV_DEFAULT_INDEX, HTTPS_PROXY and SSL_CERT_FILE of its agent) and try again.</source>
        <translation>请检查那台机器到软件包索引的连接（代理进程的 UV_DEFAULT_INDEX、HTTPS_PROXY 和 SSL_CERT_FILE），然后再试。</translation>
    </message>
    <message>
        <source>{lock} is for another Python than the machine&apos;s: see {package}.</source>
        <translation>{lock} 用于别的 Python，不是这台机器的：见 {package}。</translation>
    </message>
    <message>
        <source>{lock} is for another Python than the machine&apos;s.</source>
        <translation>{lock} 用于别的 Python，不是这台机器的。</translation>
    </message>
    <message>
        <source>Choose a Python that it is for, or make the lock again for that machine&apos;s Python.</source>
        <translation>请选择它适用的 Python，或为那台机器的 Python 重新生成锁文件。</translation>
    </message>
    <message>
        <source>{lock} is for Python {python}, and Python {default} was chosen.</source>
        <translation>{lock} 用于 Python {python}，选择的却是 Python {default}。</translation>
    </message>
    <message>
        <source>Choose another Python, or make the lock again for this one.</source>
        <translation>请选择别的 Python，或为它重新生成锁文件。</translation>
    </message>
    <message>
        <source>{lock} is for another platform than the machine&apos;s: see {package}.</source>
        <translation>{lock} 用于别的平台，不是这台机器的：见 {package}。</translation>
    </message>
    <message>
        <source>{lock} is for another platform than the machine&apos;s.</source>
        <translation>{lock} 用于别的平台，不是这台机器的。</translation>
    </message>
    <message>
        <source>Make the lock again for that machine&apos;s platform, or choose a machine that it is for.</source>
        <translation>请为那台机器的平台重新生成锁文件，或选择它适用的机器。</translation>
    </message>
    <message>
        <source>There is no package {package} in the machine&apos;s index.</source>
        <translation>机器的软件包源中没有软件包 {package}。</translation>
    </message>
    <message>
        <source>A package is not in the machine&apos;s index.</source>
        <translation>机器的软件包源中缺少一个软件包。</translation>
    </message>
    <message>
        <source>Check the package&apos;s name; if it is in another index, name that one to the machine&apos;s agent (UV_INDEX) or in the project.</source>
        <translation>请检查软件包的名称；如果它在别的软件包源中，请告诉机器的代理（UV_INDEX），或写进项目。</translation>
    </message>
    <message>
        <source>There is no wheel for this machine of {packages}, and building from source was forbidden.</source>
        <translation>{packages} 没有适用于这台机器的 wheel，而从源码构建被禁止。</translation>
    </message>
    <message>
        <source>Choose versions that have wheels, or allow building from source.</source>
        <translation>请选择有 wheel 的版本，或允许从源码构建。</translation>
    </message>
    <message>
        <source>{python} names no Python: it is neither a version nor a range of versions.</source>
        <translation>“{python}”不是 Python：既不是版本，也不是版本范围。</translation>
    </message>
    <message>
        <source>It failed at {failed_at}, and nothing has changed since then.</source>
        <translation>它在 {failed_at} 失败过，此后没有变化。</translation>
    </message>
    <message>
        <source>{runs} runs that wait or are live need the environment {environment}.</source>
        <translation>有 {runs} 个等待或进行中的运行需要环境 {environment}。</translation>
    </message>
    <message>
        <source>Wait until they are over, or stop them first.</source>
        <translation>请等它们结束，或先停止它们。</translation>
    </message>
    <message>
        <source>The environment {environment} is being built, and somebody waits for it.</source>
        <translation>环境 {environment} 正在构建，有人在等它。</translation>
    </message>
    <message>
        <source>Wait until it is there, or stop the runs that need it.</source>
        <translation>请等它构建完成，或停止需要它的运行。</translation>
    </message>
    <message>
        <source>{environments} environments begin with {asked}.</source>
        <translation>有 {environments} 个环境以“{asked}”开头。</translation>
    </message>
    <message>
        <source>Write more of the id.</source>
        <translation>请把 ID 写得更完整。</translation>
    </message>
    <message>
        <source>The environment {name} is registered: it belongs to somebody else, and is never changed.</source>
        <translation>环境“{name}”是登记的：它不归 Lanherd 管理，从不改动。</translation>
    </message>
    <message>
        <source>Repair it with what made it.</source>
        <translation>请用当初创建它的工具来修复。</translation>
    </message>
    <message>
        <source>The environment {environment} could not be repaired: its packages were installed again, and {files} files are still not as they should be.</source>
        <translation>无法修复环境 {environment}：重新安装软件包之后，仍有 {files} 个文件与软件包的记录不符。</translation>
    </message>
    <message>
        <source>Look at the machine&apos;s disk; then remove the environment and build it again.</source>
        <translation>请检查机器的磁盘，再删除这个环境并重新构建。</translation>
    </message>
    <message>
        <source>The environment {name} is registered, so nothing was built for it, and there is no log.</source>
        <translation>环境“{name}”是登记的，没有为它构建过什么，所以没有构建日志。</translation>
    </message>
    <message>
        <source>Look at what is in it instead.</source>
        <translation>可以查看其中有什么。</translation>
    </message>
    <message>
        <source>No environment was asked for, and yet something of one: {options}.</source>
        <translation>没有请求环境，却又写了环境的内容：{options}。</translation>
    </message>
    <message>
        <source>Leave one of them out.</source>
        <translation>请去掉其中一项。</translation>
    </message>
    <message>
        <source>A registered environment is somebody else&apos;s and never changed, so these can&apos;t be asked of it: {options}.</source>
        <translation>登记的环境不归 Lanherd 管理，从不改动，所以不能对它提出：{options}。</translation>
    </message>
    <message>
        <source>Leave that out, or choose another environment.</source>
        <translation>请去掉这些，或选择别的环境。</translation>
    </message>
    <message>
        <source>There is no environment that this could be of: {options}. The project has no lock, no dependencies and no requirements, or there is no project.</source>
        <translation>没有可以应用 {options} 的环境：项目没有锁文件、依赖项和需求文件，或者没有项目。</translation>
    </message>
    <message>
        <source>Name a project that has some, or packages.</source>
        <translation>请选择有这些内容的项目，或写出软件包。</translation>
    </message>
    <message>
        <source>Extras and groups are those of a uv.lock or a pyproject.toml, and {source} has none, so this chooses nothing: {options}.</source>
        <translation>可选依赖和依赖组来自 uv.lock 或 pyproject.toml，而 {source} 中没有，所以 {options} 无可选择。</translation>
    </message>
    <message>
        <source>Extras and groups are those of a uv.lock or a pyproject.toml, so this chooses nothing here: {options}.</source>
        <translation>可选依赖和依赖组来自 uv.lock 或 pyproject.toml，所以 {options} 在这里无可选择。</translation>
    </message>
    <message>
        <source>Leave them out, or name the packages themselves.</source>
        <translation>请去掉它们，或直接写出软件包。</translation>
    </message>
    <message>
        <source>The environment is a text, and was given as {given}.</source>
        <translation>环境应是文本，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write auto, none, the name of a registered environment, or an environment&apos;s id.</source>
        <translation>请写 auto、none、登记的环境的名称，或环境的 ID。</translation>
    </message>
    <message>
        <source>{given} is no requirement.</source>
        <translation>{given} 不是软件包的需求。</translation>
    </message>
    <message>
        <source>Write each as name, name==1.2 or name[extra]&gt;=1,&lt;2.</source>
        <translation>请写成 name、name==1.2 或 name[extra]&gt;=1,&lt;2。</translation>
    </message>
    <message>
        <source>{given} can&apos;t be the name of an extra.</source>
        <translation>“{given}”不能用作可选依赖的名称。</translation>
    </message>
    <message>
        <source>Write one that the pyproject.toml of the project has.</source>
        <translation>请写项目的 pyproject.toml 中有的名称。</translation>
    </message>
    <message>
        <source>{given} can&apos;t be the name of a group.</source>
        <translation>“{given}”不能用作依赖组的名称。</translation>
    </message>
    <message>
        <source>{given} is no version of Python.</source>
        <translation>“{given}”不是 Python 的版本。</translation>
    </message>
    <message>
        <source>Write it as 3.12, or as &gt;=3.11,&lt;3.13.</source>
        <translation>请写成 3.12，或 &gt;=3.11,&lt;3.13。</translation>
    </message>
    <message>
        <source>{argument} can&apos;t be {given}.</source>
        <translation>{argument} 不能是 {given}。</translation>
    </message>
    <message>
        <source>Write True or False.</source>
        <translation>请写 True 或 False。</translation>
    </message>
    <message>
        <source>{packages} packages are named; a run may name {packages_max}.</source>
        <translation>写了 {packages} 个软件包；一个运行最多写 {packages_max} 个。</translation>
    </message>
    <message>
        <source>Put them into a requirements file of the project.</source>
        <translation>请把它们写进项目的需求文件。</translation>
    </message>
    <message>
        <source>The Lanherd on {machine} is too old for that: it only builds environments from locks, for runs.</source>
        <translation>{machine} 上的 Lanherd 太旧，做不到：它只会为运行按锁文件构建环境。</translation>
    </message>
    <message>
        <source>Upgrade Lanherd on {machine}.</source>
        <translation>请升级 {machine} 上的 Lanherd。</translation>
    </message>
    <message>
        <source>The environment {environment} is being built now.</source>
        <translation>环境 {environment} 正在构建。</translation>
    </message>
    <message>
        <source>Wait until it is there.</source>
        <translation>请等它构建完成。</translation>
    </message>
    <message>
        <source>The environment {environment} waits for its turn to be built.</source>
        <translation>环境 {environment} 正在排队等待构建。</translation>
    </message>
    <message>
        <source>The build of the environment {environment} has failed.</source>
        <translation>环境 {environment} 构建失败。</translation>
    </message>
    <message>
        <source>Read its log, mend what stood in its way, and build it again.</source>
        <translation>请查看其日志，排除问题后重新构建。</translation>
    </message>
    <message>
        <source>Files of the environment {environment} are damaged.</source>
        <translation>环境 {environment} 中有文件已损坏。</translation>
    </message>
    <message>
        <source>Repair it.</source>
        <translation>请修复它。</translation>
    </message>
    <message>
        <source>The environment {environment} can&apos;t be used now.</source>
        <translation>环境 {environment} 现在不能使用。</translation>
    </message>
    <message>
        <source>Look at the list of its machine&apos;s environments for why.</source>
        <translation>原因见其机器的环境列表。</translation>
    </message>
    <message>
        <source>There is nothing to build: no packages are named, and no project that has a lock, dependencies or requirements.</source>
        <translation>没有可构建的：没有写出软件包，也没有带锁文件、依赖项或需求文件的项目。</translation>
    </message>
    <message>
        <source>The environment {name} is registered: it is there already, and Lanherd never changes it.</source>
        <translation>环境“{name}”是登记的：它已经在那里，Lanherd 从不改动它。</translation>
    </message>
    <message>
        <source>Build one from a project or from packages.</source>
        <translation>请用项目或软件包来构建。</translation>
    </message>
    <message>
        <source>{machine} sends a lock without an end.</source>
        <translation>{machine} 发来的锁文件没有尽头。</translation>
    </message>
    <message>
        <source>The environment that {path} names can&apos;t be had.</source>
        <translation>{path} 中写的环境无法得到。</translation>
    </message>
    <message>
        <source>Mend what it says of the environment.</source>
        <translation>请修改其中关于环境的内容。</translation>
    </message>
    <message>
        <source>No machine has an environment {asked}.</source>
        <translation>没有机器上有环境 {asked}。</translation>
    </message>
    <message>
        <source>Look at the list of environments.</source>
        <translation>请查看环境的列表。</translation>
    </message>
    <message>
        <source>Several machines have the environment {asked}, and it isn&apos;t said which one is meant.</source>
        <translation>多台机器上有环境 {asked}，没有说明是哪一台。</translation>
    </message>
    <message>
        <source>Say which machine.</source>
        <translation>请写明机器。</translation>
    </message>
    <message>
        <source>{asked} is no registered name: Lanherd has built that environment itself.</source>
        <translation>“{asked}”不是登记的名称：那个环境是 Lanherd 自己构建的。</translation>
    </message>
    <message>
        <source>Remove it instead.</source>
        <translation>请改为删除它。</translation>
    </message>
    <message>
        <source>The environment {name} is registered: somebody else&apos;s, which Lanherd never touches.</source>
        <translation>环境“{name}”是登记的：它不归 Lanherd 管理，从不触动。</translation>
    </message>
    <message>
        <source>Let its name be forgotten instead.</source>
        <translation>请改为取消它的登记。</translation>
    </message>
    <message>
        <source>The index has another {package} than the one that {lock} asks for.</source>
        <translation>软件包源中的 {package} 与 {lock} 要求的不同。</translation>
    </message>
    <message>
        <source>Check where that package comes from; if its change is meant, renew its hashes.</source>
        <translation>请检查这个软件包的来源；如果确实要改，请更新它的哈希值。</translation>
    </message>
    <message>
        <source>What {lock} says of {package} names neither a package of an index nor a commit, so nothing holds it to its content.</source>
        <translation>{lock} 中的 {package} 既不是软件包源中的软件包，也不是某次提交，所以无法锁定它的内容。</translation>
    </message>
    <message>
        <source>Name a version of an index, a commit of a repository, or a wheel with its hash.</source>
        <translation>请写软件包源中的版本、仓库的某次提交，或带哈希值的 wheel。</translation>
    </message>
    <message>
        <source>The environment {asked} is not on that machine.</source>
        <translation>那台机器上没有环境 {asked}。</translation>
    </message>
    <message>
        <source>Look at the list of its environments, or build it again.</source>
        <translation>请查看它的环境列表，或重新构建。</translation>
    </message>
    <message>
        <source>No environment called {name} is registered on that machine.</source>
        <translation>那台机器上没有登记名为“{name}”的环境。</translation>
    </message>
    <message>
        <source>Register it there, or choose another environment.</source>
        <translation>请在那里登记，或选择别的环境。</translation>
    </message>
    <message>
        <source>{name} can&apos;t be an environment&apos;s name: it has 1 to 64 letters, digits, dots, dashes and underscores.</source>
        <translation>“{name}”不能用作环境的名称：应为 1 到 64 个字母、数字、点、连字符和下划线。</translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation>请换一个名称。</translation>
    </message>
    <message>
        <source>The name {name} is taken: on that machine it is {path}.</source>
        <translation>名称“{name}”已被使用：在那台机器上是 {path}。</translation>
    </message>
    <message>
        <source>Choose another name, or remove the other one first.</source>
        <translation>请换一个名称，或先移除那一个。</translation>
    </message>
    <message>
        <source>The machine keeps {registered_max} registered environments.</source>
        <translation>机器最多保留 {registered_max} 个登记的环境。</translation>
    </message>
    <message>
        <source>Remove one first.</source>
        <translation>请先移除一个。</translation>
    </message>
    <message>
        <source>{path} can&apos;t be used as an environment.</source>
        <translation>{path} 不能用作环境。</translation>
    </message>
    <message>
        <source>Give the whole path of a Python, or of a virtual environment&apos;s folder, on that machine.</source>
        <translation>请给出那台机器上 Python 或虚拟环境文件夹的完整路径。</translation>
    </message>
    <message>
        <source>The environment {name} is gone: there is no {path} on that machine any more.</source>
        <translation>环境“{name}”没有了：那台机器上已没有 {path}。</translation>
    </message>
    <message>
        <source>Put it back, or register another one under this name.</source>
        <translation>请把它放回去，或用这个名称登记另一个。</translation>
    </message>
    <message>
        <source>The environment names nothing that is to be in it.</source>
        <translation>环境没有写明其中要有什么。</translation>
    </message>
    <message>
        <source>Name a file of the project, packages, or another environment.</source>
        <translation>请写项目中的文件、软件包或另一个环境。</translation>
    </message>
    <message>
        <source>The environment names {packages} packages; it may name {packages_max}.</source>
        <translation>环境写了 {packages} 个软件包；最多 {packages_max} 个。</translation>
    </message>
    <message>
        <source>Put more into a requirements file.</source>
        <translation>更多的请写进 requirements 文件。</translation>
    </message>
    <message>
        <source>{text} is not {what}.</source>
        <translation>“{text}”不是{what}。</translation>
    </message>
    <message>
        <source>Choose it anew.</source>
        <translation>请重新选择。</translation>
    </message>
    <message>
        <source>Mend what it says, or have it tried again as it is.</source>
        <translation>请修正它所说的问题，或让它照原样再试一次。</translation>
    </message>
    <message>
        <source>The run&apos;s directory could not be made: {why}.</source>
        <translation>无法建立运行的目录：{why}。</translation>
    </message>
    <message>
        <source>Look at the agent&apos;s home directory on that machine.</source>
        <translation>请查看那台机器上代理的主目录。</translation>
    </message>
    <message>
        <source>The folder that it is to begin in can&apos;t be entered: {why}.</source>
        <translation>无法进入它要从中开始的文件夹：{why}。</translation>
    </message>
    <message>
        <source>Check that the folder is there, and that the agent&apos;s user may enter it.</source>
        <translation>请确认文件夹存在，且代理的用户可以进入。</translation>
    </message>
    <message>
        <source>The run could not be started: {why}.</source>
        <translation>无法启动运行：{why}。</translation>
    </message>
    <message>
        <source>Look at the agent&apos;s log on that machine and submit the run again.</source>
        <translation>请查看那台机器上代理的日志，再次提交运行。</translation>
    </message>
    <message>
        <source>The machine takes no process more: the process limit of the agent&apos;s user, or of its service, was reached.</source>
        <translation>机器不再接受新进程：已达到代理的用户或其服务的进程数上限。</translation>
    </message>
    <message>
        <source>End processes there, or raise the limit (ulimit -u, or TasksMax of the service), and submit the run again.</source>
        <translation>请结束那里的一些进程，或提高上限（ulimit -u，或服务的 TasksMax），再次提交运行。</translation>
    </message>
    <message>
        <source>There is no command {command} on the machine: neither in the run&apos;s folder nor on the PATH of its environment.</source>
        <translation>机器上没有命令 {command}：运行的文件夹和其环境的 PATH 中都没有。</translation>
    </message>
    <message>
        <source>Check its spelling, or add the package that brings it to the project&apos;s lock.</source>
        <translation>请检查拼写，或把提供它的软件包加入项目的锁文件。</translation>
    </message>
    <message>
        <source>{command} is there; the interpreter that its first line names is not.</source>
        <translation>{command} 在那里，但它第一行所写的解释器不在。</translation>
    </message>
    <message>
        <source>Name one that the machine has, or run it with one, as in &apos;bash train.sh&apos;.</source>
        <translation>请写机器上有的解释器，或用解释器来运行它，如 bash train.sh。</translation>
    </message>
    <message>
        <source>{command} has no interpreter line: the machine can&apos;t tell what its text is written for.</source>
        <translation>{command} 没有解释器行：机器不知道它是用什么写的。</translation>
    </message>
    <message>
        <source>Begin it with #! and its interpreter, or run it as &apos;bash {command}&apos;.</source>
        <translation>请在开头写上 #! 和解释器，或用 bash {command} 来运行。</translation>
    </message>
    <message>
        <source>{command} may not be executed: it is not marked as executable, or is a folder.</source>
        <translation>不能执行 {command}：它没有执行权限，或是文件夹。</translation>
    </message>
    <message>
        <source>Make it executable, as by &apos;chmod +x {command}&apos;, or name its interpreter before.</source>
        <translation>请赋予执行权限（如 chmod +x {command}），或在前面写上解释器。</translation>
    </message>
    <message>
        <source>The arguments and variables of {command} are longer than the machine takes for one command; Linux takes 128 KiB of each.</source>
        <translation>{command} 的参数和变量太长，超过机器一条命令的上限；Linux 每项最多 128 KiB。</translation>
    </message>
    <message>
        <source>Put what is long into a file of the project, and name that file instead.</source>
        <translation>请把长内容写进项目的文件，改为指定该文件。</translation>
    </message>
    <message>
        <source>The command {command} can&apos;t be run: {why}.</source>
        <translation>无法运行命令 {command}：{why}。</translation>
    </message>
    <message>
        <source>Check that the file is executable and made for this machine.</source>
        <translation>请确认文件可执行，且适用于这台机器。</translation>
    </message>
    <message>
        <source>{path} is too large to send.</source>
        <translation>{path} 太大，无法发送。</translation>
    </message>
    <message>
        <source>There is no machine {machine} that is paired here.</source>
        <translation>没有与本机配对的机器 {machine}。</translation>
    </message>
    <message>
        <source>Look at the machines that are paired, or pair it again.</source>
        <translation>请查看已配对的机器，或重新配对。</translation>
    </message>
    <message>
        <source>There is no folder {folder}.</source>
        <translation>没有文件夹 {folder}。</translation>
    </message>
    <message>
        <source>Make the folder first, or name another one.</source>
        <translation>请先建立文件夹，或指定另一个。</translation>
    </message>
    <message>
        <source>{path} can&apos;t be written: it is {what}, and only a plain file is ever written over.</source>
        <translation>无法写入 {path}：它是{what}，只有普通文件才会被覆盖。</translation>
    </message>
    <message>
        <source>Name another file, or remove it first.</source>
        <translation>请指定另一个文件，或先删除它。</translation>
    </message>
    <message>
        <source>{path} is there already.</source>
        <translation>{path} 已经存在。</translation>
    </message>
    <message>
        <source>{path} kept changing while it was fetched: the run is still writing it.</source>
        <translation>{path} 在取回时一直变化：运行还在写它。</translation>
    </message>
    <message>
        <source>Fetch it again when the run has ended.</source>
        <translation>请在运行结束后再取回。</translation>
    </message>
    <message>
        <source>Name a file that you may write.</source>
        <translation>请指定可以写入的文件。</translation>
    </message>
    <message>
        <source>The constraint has {characters} characters; {characters_max} are the most.</source>
        <translation>条件有 {characters} 个字符；最多 {characters_max} 个。</translation>
    </message>
    <message>
        <source>Write less of it, or give the run several machines to choose from.</source>
        <translation>请写短一些，或给运行几台机器选择。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: this &apos;)&apos; has no &apos;(&apos; before it.</source>
        <translation>条件的第 {column} 个字符处：这个“)”之前没有“(”。</translation>
    </message>
    <message>
        <source>Take it away.</source>
        <translation>请删掉它。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: this &apos;(&apos; is never closed.</source>
        <translation>条件的第 {column} 个字符处：这个“(”没有对应的“)”。</translation>
    </message>
    <message>
        <source>Put a &apos;)&apos; where it ends.</source>
        <translation>请在它结束的地方写上“)”。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: &apos;and&apos;, &apos;or&apos; or the end was expected, and {found} was found.</source>
        <translation>条件的第 {column} 个字符处：这里应是 and、or 或结尾，却是“{found}”。</translation>
    </message>
    <message>
        <source>Write text with spaces in quotes, such as name ~ &quot;RTX 3090&quot;.</source>
        <translation>含有空格的文本要加引号，例如 name ~ &quot;RTX 3090&quot;。</translation>
    </message>
    <message>
        <source>Put &apos;and&apos; or &apos;or&apos; between two comparisons.</source>
        <translation>请在两个比较之间写上 and 或 or。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: &apos;and&apos;, &apos;or&apos; or &apos;)&apos; was expected, and {found} was found.</source>
        <translation>条件的第 {column} 个字符处：这里应是 and、or 或“)”，却是“{found}”。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: &apos;and&apos;, &apos;or&apos; or &apos;)&apos; was expected, and it ends.</source>
        <translation>条件的第 {column} 个字符处：这里应是 and、or 或“)”，却结束了。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: more than {depth_max} parentheses or &apos;not&apos; are inside each other.</source>
        <translation>条件的第 {column} 个字符处：括号或 not 的嵌套超过 {depth_max} 层。</translation>
    </message>
    <message>
        <source>Write it flatter.</source>
        <translation>请减少嵌套。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: a fact was expected, and {found} was found.</source>
        <translation>条件的第 {column} 个字符处：这里应是一个属性，却是“{found}”。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: a fact was expected, and it ends.</source>
        <translation>条件的第 {column} 个字符处：这里应是一个属性，却结束了。</translation>
    </message>
    <message>
        <source>Facts: {facts}.</source>
        <translation>可用的属性：{facts}。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: there is no fact {fact}.</source>
        <translation>条件的第 {column} 个字符处：没有属性“{fact}”。</translation>
    </message>
    <message>
        <source>Ask for free VRAM in the field for VRAM. Facts: {facts}.</source>
        <translation>空闲的显存请在显存一栏中请求。可用的属性：{facts}。</translation>
    </message>
    <message>
        <source>Ask for a number of GPUs in the field for GPUs. Facts: {facts}.</source>
        <translation>GPU 的数量请在 GPU 一栏中请求。可用的属性：{facts}。</translation>
    </message>
    <message>
        <source>Did you mean {nearest}? Facts: {facts}.</source>
        <translation>是不是 {nearest}？可用的属性：{facts}。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: behind {fact} one of {operators} was expected, and {found} was found.</source>
        <translation>条件的第 {column} 个字符处：{fact} 之后应是 {operators} 之一，却是“{found}”。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: behind {fact} one of {operators} was expected, and it ends.</source>
        <translation>条件的第 {column} 个字符处：{fact} 之后应是 {operators} 之一，却结束了。</translation>
    </message>
    <message>
        <source>Write one of {operators}.</source>
        <translation>请写 {operators} 之一。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {fact} is {what}, which {operator} can&apos;t compare.</source>
        <translation>条件的第 {column} 个字符处：{fact} 是{what}，不能用 {operator} 比较。</translation>
    </message>
    <message>
        <source>Use one of {operators}.</source>
        <translation>请用 {operators} 之一。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {what} was expected, to compare {fact} with, and {found} was found.</source>
        <translation>条件的第 {column} 个字符处：与 {fact} 比较的应是{what}，却是“{found}”。</translation>
    </message>
    <message>
        <source>If {found} is the text, put it in quotes.</source>
        <translation>如果 {found} 就是要比较的文本，请给它加上引号。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {what} was expected, to compare {fact} with, and it ends.</source>
        <translation>条件的第 {column} 个字符处：与 {fact} 比较的应是{what}，却结束了。</translation>
    </message>
    <message>
        <source>Write a value there.</source>
        <translation>请在那里写上值。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {fact} is {what}, and this is text.</source>
        <translation>条件的第 {column} 个字符处：{fact} 是{what}，而这里是文本。</translation>
    </message>
    <message>
        <source>Write it without the quotes.</source>
        <translation>请去掉引号。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {found} is no version.</source>
        <translation>条件的第 {column} 个字符处：“{found}”不是版本。</translation>
    </message>
    <message>
        <source>Write {fact} &gt;= 12.4, say.</source>
        <translation>请写成例如 {fact} &gt;= 12.4。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {fact} is {what}, and {found} is none.</source>
        <translation>条件的第 {column} 个字符处：{fact} 是{what}，而“{found}”不是。</translation>
    </message>
    <message>
        <source>Write a value of that kind.</source>
        <translation>请写成这样的值。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {fact} is never negative.</source>
        <translation>条件的第 {column} 个字符处：{fact} 不会是负数。</translation>
    </message>
    <message>
        <source>Take the minus away.</source>
        <translation>请去掉负号。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {fact} has no unit.</source>
        <translation>条件的第 {column} 个字符处：{fact} 没有单位。</translation>
    </message>
    <message>
        <source>Write {number}.</source>
        <translation>请写成 {number}。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {fact} is a whole number.</source>
        <translation>条件的第 {column} 个字符处：{fact} 是整数。</translation>
    </message>
    <message>
        <source>Write it without decimals.</source>
        <translation>请去掉小数部分。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {found} is more than any machine has.</source>
        <translation>条件的第 {column} 个字符处：“{found}”比任何机器拥有的都多。</translation>
    </message>
    <message>
        <source>Write less.</source>
        <translation>请写小一些。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {found} is no compute capability.</source>
        <translation>条件的第 {column} 个字符处：“{found}”不是计算能力。</translation>
    </message>
    <message>
        <source>Write {example}, say.</source>
        <translation>请写成例如 {example}。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {unit} is no unit of a size.</source>
        <translation>条件的第 {column} 个字符处：“{unit}”不是大小的单位。</translation>
    </message>
    <message>
        <source>Units: {units}.</source>
        <translation>可用的单位：{units}。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {found} has no unit.</source>
        <translation>条件的第 {column} 个字符处：“{found}”没有单位。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: this quote is never closed.</source>
        <translation>条件的第 {column} 个字符处：这个引号没有结束。</translation>
    </message>
    <message>
        <source>Close it where the text ends.</source>
        <translation>请在文本结束的地方加上引号。</translation>
    </message>
    <message>
        <source>At character {column} of the constraint: {found} has no meaning.</source>
        <translation>条件的第 {column} 个字符处：“{found}”在这里没有意义。</translation>
    </message>
    <message>
        <source>Write &apos;{meant}&apos;.</source>
        <translation>请写成 {meant}。</translation>
    </message>
    <message>
        <source>Write text with such characters in quotes.</source>
        <translation>含有这种字符的文本要加引号。</translation>
    </message>
    <message>
        <source>The rules have {size}; {bytes_max} are the most.</source>
        <translation>规则有 {size}；最多 {bytes_max}。</translation>
    </message>
    <message>
        <source>Write fewer users and tags, or less beside the rules.</source>
        <translation>请少写一些用户和标签，或减少规则之外的内容。</translation>
    </message>
    <message>
        <source>This line has more than {dots_max} dots.</source>
        <translation>这一行的点超过 {dots_max} 个。</translation>
    </message>
    <message>
        <source>Write tables, such as [users.NAME], rather than long dotted keys.</source>
        <translation>请写成表，例如 [users.NAME]，不要写很长的带点的键。</translation>
    </message>
    <message>
        <source>{key} is written a second time.</source>
        <translation>{key} 写了两次。</translation>
    </message>
    <message>
        <source>Keep one of the two lines.</source>
        <translation>请保留两行中的一行。</translation>
    </message>
    <message>
        <source>[{key}] is written a second time.</source>
        <translation>[{key}] 写了两次。</translation>
    </message>
    <message>
        <source>Keep one [{key}], and write all that is said of it below that.</source>
        <translation>请保留一个 [{key}]，并把它的内容都写在下面。</translation>
    </message>
    <message>
        <source>This is no TOML, at character {column} of the line: {problem}.</source>
        <translation>这不是有效的 TOML，在这一行的第 {column} 个字符处：{problem}。</translation>
    </message>
    <message>
        <source>This is no TOML: {problem}.</source>
        <translation>这不是有效的 TOML：{problem}。</translation>
    </message>
    <message>
        <source>Write one &apos;key = value&apos; on each line; text is in quotes.</source>
        <translation>每行写一个“键 = 值”；文本要加引号。</translation>
    </message>
    <message>
        <source>{key} is a table of up to {names_max} names; this is {found}.</source>
        <translation>{key} 是最多含 {names_max} 个名称的表，这里却是 {found}。</translation>
    </message>
    <message>
        <source>Write [{key}.NAME] and gpus_max = 2 below.</source>
        <translation>请写 [{key}.NAME]，并在下面写 gpus_max = 2。</translation>
    </message>
    <message>
        <source>{key} is a table; this is {found}.</source>
        <translation>{key} 是一个表，这里却是 {found}。</translation>
    </message>
    <message>
        <source>Write {key} = {{ gpus_max = 2 }}.</source>
        <translation>请写 {key} = {{ gpus_max = 2 }}。</translation>
    </message>
    <message>
        <source>Write [{table}.NAME] above it: whose share it is.</source>
        <translation>请在它上面写 [{table}.NAME]，说明是谁的份额。</translation>
    </message>
    <message>
        <source>There is no rule {key}.</source>
        <translation>没有规则 {key}。</translation>
    </message>
    <message>
        <source>Did you mean {nearest}?</source>
        <translation>是不是 {nearest}？</translation>
    </message>
    <message>
        <source>Rules: {rules}.</source>
        <translation>可用的规则：{rules}。</translation>
    </message>
    <message>
        <source>{key} is {wants}; this is {found}.</source>
        <translation>{key} 应是{wants}，这里却是 {found}。</translation>
    </message>
    <message>
        <source>{key} can&apos;t be {found}.</source>
        <translation>{key} 不能是 {found}。</translation>
    </message>
    <message>
        <source>Write {key} = {example}, say.</source>
        <translation>请写成例如 {key} = {example}。</translation>
    </message>
    <message>
        <source>{key} is a list of times, with days if need be; this is {found}.</source>
        <translation>{key} 应是时间段的列表，可以带星期，这里却是 {found}。</translation>
    </message>
    <message>
        <source>Write {key} = {example}, say; days are mon, tue, wed, thu, fri, sat and sun.</source>
        <translation>请写成例如 {key} = {example}；星期写作 mon、tue、wed、thu、fri、sat 和 sun。</translation>
    </message>
    <message>
        <source>keep_free is {keep_free}, and Lanherd may use {usable} GPUs: no run would ever get one.</source>
        <translation>keep_free 是 {keep_free}，而 Lanherd 可以使用 {usable} 个 GPU：没有运行能得到 GPU。</translation>
    </message>
    <message>
        <source>Keep {most} free at most, or let Lanherd use more in gpus.</source>
        <translation>最多保留 {most} 个空闲，或在 gpus 中让 Lanherd 使用更多。</translation>
    </message>
    <message>
        <source>gpus names GPU {gpu} twice.</source>
        <translation>gpus 中 GPU {gpu} 写了两次。</translation>
    </message>
    <message>
        <source>Name each GPU once.</source>
        <translation>每个 GPU 只写一次。</translation>
    </message>
    <message>
        <source>It has {gpus}.</source>
        <translation>它有 {gpus}。</translation>
    </message>
    <message>
        <source>{share}: gpus_min is {gpus_min}, more than gpus_max, {gpus_max}.</source>
        <translation>{share}：gpus_min 是 {gpus_min}，大于 gpus_max 的 {gpus_max}。</translation>
    </message>
    <message>
        <source>Lower gpus_min, or raise gpus_max.</source>
        <translation>请减小 gpus_min，或增大 gpus_max。</translation>
    </message>
    <message>
        <source>gpus_min of all {table} together is {total}, and Lanherd has {usable} GPUs to give.</source>
        <translation>{table} 的 gpus_min 合计 {total}，而 Lanherd 能分配 {usable} 个 GPU。</translation>
    </message>
    <message>
        <source>Lower gpus_min, or keep_free.</source>
        <translation>请减小 gpus_min 或 keep_free。</translation>
    </message>
    <message>
        <source>{key} can&apos;t be a key.</source>
        <translation>“{key}”不能用作键。</translation>
    </message>
    <message>
        <source>Write names with dots between them, such as users.ada.gpus_max.</source>
        <translation>请写用点分隔的名称，例如 users.ada.gpus_max。</translation>
    </message>
    <message>
        <source>The rules can&apos;t be changed as they are: {problem}.</source>
        <translation>规则现在的样子无法改动：{problem}。</translation>
    </message>
    <message>
        <source>Mend the text first.</source>
        <translation>请先修正文本。</translation>
    </message>
    <message>
        <source>{key} can&apos;t be changed where it is.</source>
        <translation>{key} 在它所在的位置无法改动。</translation>
    </message>
    <message>
        <source>Change it by hand.</source>
        <translation>请直接修改文本。</translation>
    </message>
    <message>
        <source>{key} is no table in this file.</source>
        <translation>{key} 在这个文件中不是表。</translation>
    </message>
    <message>
        <source>The file of the rules is no plain file.</source>
        <translation>规则文件不是普通文件。</translation>
    </message>
    <message>
        <source>Make {file} a plain text file that the agent&apos;s user can read.</source>
        <translation>请让 {file} 成为代理的用户可以读取的纯文本文件。</translation>
    </message>
    <message>
        <source>The file of the rules can&apos;t be read: {problem}.</source>
        <translation>规则文件无法读取：{problem}。</translation>
    </message>
    <message>
        <source>The file of the rules has more than {bytes_max}.</source>
        <translation>规则文件超过 {bytes_max}。</translation>
    </message>
    <message>
        <source>Write less in it.</source>
        <translation>请减少其中的内容。</translation>
    </message>
    <message>
        <source>This is no UTF-8 text.</source>
        <translation>这不是 UTF-8 文本。</translation>
    </message>
    <message>
        <source>Save the file as UTF-8.</source>
        <translation>请将文件存为 UTF-8。</translation>
    </message>
    <message>
        <source>CPU cores are a number, and were given as {given}.</source>
        <translation>CPU 核数应是数字，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write a number, such as 4 or 0.5.</source>
        <translation>请写数字，例如 4 或 0.5。</translation>
    </message>
    <message>
        <source>The number of GPUs is a whole number, or from..to, and was given as {given}.</source>
        <translation>GPU 的数量应是整数或范围，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write a number, such as 1, or 1..4.</source>
        <translation>请写数字，例如 1，或 1..4。</translation>
    </message>
    <message>
        <source>A number of GPUs goes from the least to the most, and begins at 1; it was given as {given}.</source>
        <translation>GPU 数量的范围应从小到大，从 1 开始；给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write the smaller number first, such as 1..4.</source>
        <translation>请先写较小的数字，例如 1..4。</translation>
    </message>
    <message>
        <source>A run can ask for 0 to {gpus_max} GPUs, and {given} were asked for.</source>
        <translation>运行可以请求 0 到 {gpus_max} 个 GPU，请求的却是 {given}。</translation>
    </message>
    <message>
        <source>Something is asked of GPUs ({options}), and no GPU is asked for.</source>
        <translation>对 GPU 有要求（{options}），却没有请求 GPU。</translation>
    </message>
    <message>
        <source>Say how many GPUs it needs, or leave that out.</source>
        <translation>请写明需要几个 GPU，或去掉这些要求。</translation>
    </message>
    <message>
        <source>Only several GPUs can be linked, and one is asked for.</source>
        <translation>只有多个 GPU 才能互联，而只请求了一个。</translation>
    </message>
    <message>
        <source>Ask for more GPUs, or leave &apos;linked&apos; out.</source>
        <translation>请请求更多 GPU，或去掉 linked。</translation>
    </message>
    <message>
        <source>{given} is no profile of MIG instances.</source>
        <translation>“{given}”不是 MIG 实例的规格。</translation>
    </message>
    <message>
        <source>Beside other people&apos;s processes a run waits, or shares what is left; it was given as {given}.</source>
        <translation>遇到他人的进程时，运行可以等待，或共用剩下的；给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write one of {words}.</source>
        <translation>请写 {words} 之一。</translation>
    </message>
    <message>
        <source>{argument} is a list of words, and was given as {given}.</source>
        <translation>{argument} 应是词的列表，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write a list of texts.</source>
        <translation>请写文本的列表。</translation>
    </message>
    <message>
        <source>{argument} is {given}, which is no text.</source>
        <translation>{argument} 是 {given}，不是文本。</translation>
    </message>
    <message>
        <source>The value of the secret {secret} is empty: a command that needs it would fail.</source>
        <translation>机密值 {secret} 是空的：需要它的命令会失败。</translation>
    </message>
    <message>
        <source>Give its value, or leave the secret out.</source>
        <translation>请给出它的值，或去掉这个机密值。</translation>
    </message>
    <message>
        <source>The variable {variable} can&apos;t be set: it says which GPUs a run has, and that is for the machine to say.</source>
        <translation>无法设置变量 {variable}：它说明运行有哪些 GPU，应由机器设置。</translation>
    </message>
    <message>
        <source>Leave it out, or give it another name.</source>
        <translation>请去掉它，或换一个名称。</translation>
    </message>
    <message>
        <source>The variable {variable} can&apos;t be set: names that begin with LANHERD_ are what Lanherd itself tells a command.</source>
        <translation>无法设置变量 {variable}：以 LANHERD_ 开头的名称由 Lanherd 自己告诉命令。</translation>
    </message>
    <message>
        <source>{argument} are signals, and were given as {given}.</source>
        <translation>{argument} 应是信号，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write names or numbers, such as SEGV or 9.</source>
        <translation>请写名称或编号，例如 SEGV 或 9。</translation>
    </message>
    <message>
        <source>{argument} is a time, and was given as {given}.</source>
        <translation>{argument} 应是时长，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write a number and a unit, such as 90s, 45m, 2h30m or 7d; a bare number is seconds.</source>
        <translation>请写数字和单位，例如 90s、45m、2h30m 或 7d；只有数字时是秒。</translation>
    </message>
    <message>
        <source>{argument} is more than 30 years.</source>
        <translation>{argument} 超过 30 年。</translation>
    </message>
    <message>
        <source>Give a shorter one.</source>
        <translation>请给出更短的时长。</translation>
    </message>
    <message>
        <source>{argument} is a size, and was given as {given}.</source>
        <translation>{argument} 应是大小，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>Write a number and a unit, such as 2GB or 512MB.</source>
        <translation>请写数字和单位，例如 2GB 或 512MB。</translation>
    </message>
    <message>
        <source>{argument} is too large.</source>
        <translation>{argument} 太大。</translation>
    </message>
    <message>
        <source>Give a smaller one.</source>
        <translation>请给出较小的值。</translation>
    </message>
    <message>
        <source>{argument} would be {given} bytes.</source>
        <translation>{argument} 会是 {given} 字节。</translation>
    </message>
    <message>
        <source>Write its unit, such as {given}GB.</source>
        <translation>请写上单位，例如 {given}GB。</translation>
    </message>
    <message>
        <source>{argument} is {what}, and was given as {given}.</source>
        <translation>{argument} 应是{what}，给出的却是 {given}。</translation>
    </message>
    <message>
        <source>{argument} is {what}, and was given as something else.</source>
        <translation>{argument} 应是{what}，给出的却不是。</translation>
    </message>
    <message>
        <source>Write it as that.</source>
        <translation>请照此写。</translation>
    </message>
    <message>
        <source>A run can&apos;t be stopped with the signal {given}.</source>
        <translation>不能用信号 {given} 停止运行。</translation>
    </message>
    <message>
        <source>Write one of {signals}.</source>
        <translation>请写 {signals} 之一。</translation>
    </message>
    <message>
        <source>{given} is no run: a run is named by its handle or its whole id here.</source>
        <translation>“{given}”不是运行：这里要用运行的句柄或完整的 ID。</translation>
    </message>
    <message>
        <source>Find it first; its whole id stands in its details.</source>
        <translation>请先找到它；完整的 ID 在它的详情中。</translation>
    </message>
    <message>
        <source>A time limit is a millisecond at least.</source>
        <translation>时间限制至少是一毫秒。</translation>
    </message>
    <message>
        <source>Give it more time, or leave it out for no limit.</source>
        <translation>请给更多时间；不限时请不要写。</translation>
    </message>
    <message>
        <source>The retries are said twice: by a rule, and by {options}.</source>
        <translation>重试写了两次：规则中和 {options} 中都有。</translation>
    </message>
    <message>
        <source>Put all of it into the rule, or leave the rule out.</source>
        <translation>请全部写进规则，或去掉规则。</translation>
    </message>
    <message>
        <source>{options} was given, but not how often the run is to be tried again.</source>
        <translation>给出了 {options}，但没有说明重试几次。</translation>
    </message>
    <message>
        <source>Say how many retries there are, such as 3.</source>
        <translation>请写明重试次数，例如 3。</translation>
    </message>
    <message>
        <source>A run is tried again after certain ends only; {given} is none of them.</source>
        <translation>只有某些结果之后才会重试；{given} 不在其中。</translation>
    </message>
    <message>
        <source>Write one or more of {causes}.</source>
        <translation>请写 {causes} 中的一个或几个。</translation>
    </message>
    <message>
        <source>{machine} names several machines: {machines}.</source>
        <translation>“{machine}”对应多台机器：{machines}。</translation>
    </message>
    <message>
        <source>Write more of the name.</source>
        <translation>请把名称写得更完整。</translation>
    </message>
    <message>
        <source>No machine is called {machine}; known machines: {machines}.</source>
        <translation>没有名为“{machine}”的机器；已知的机器：{machines}。</translation>
    </message>
    <message>
        <source>No machine is called {machine}; none is known.</source>
        <translation>没有名为“{machine}”的机器；还不知道任何机器。</translation>
    </message>
    <message>
        <source>Look at the list of machines, or pair it.</source>
        <translation>请查看机器列表，或先配对。</translation>
    </message>
    <message>
        <source>An empty name names no machine.</source>
        <translation>机器的名称是空的。</translation>
    </message>
    <message>
        <source>Write a name, or leave it out where any machine will do.</source>
        <translation>请写名称；任何机器都可以时请不要写。</translation>
    </message>
    <message>
        <source>{machine} has not answered yet: the connection is being made.</source>
        <translation>{machine} 还没有应答：正在建立连接。</translation>
    </message>
    <message>
        <source>Try again in a few seconds.</source>
        <translation>请过几秒再试。</translation>
    </message>
    <message>
        <source>A run can wait only for runs of its own machine: it goes to {machine}, and waits for a run on {machines}.</source>
        <translation>运行只能等待同一台机器上的运行：它要去 {machine}，却在等待 {machines} 上的运行。</translation>
    </message>
    <message>
        <source>Choose the machine of the runs that it waits for, or let Lanherd choose.</source>
        <translation>请选择它所等待的运行所在的机器，或让 Lanherd 选择。</translation>
    </message>
    <message>
        <source>No machine is paired yet.</source>
        <translation>还没有配对任何机器。</translation>
    </message>
    <message>
        <source>Snapshot {snapshot} isn&apos;t among yours on that machine: it was never pushed, or was collected.</source>
        <translation>快照 {snapshot} 不在那台机器上属于你的快照之中：从未推送过，或已被清理。</translation>
    </message>
    <message>
        <source>The snapshot that this one is compared with, {snapshot}, isn&apos;t among yours on that machine any more.</source>
        <translation>用来比较的快照 {snapshot} 已不在那台机器上属于你的快照之中。</translation>
    </message>
    <message>
        <source>Push the project again: its whole list of files is sent then.</source>
        <translation>请重新推送项目：届时会发送完整的文件清单。</translation>
    </message>
    <message>
        <source>The snapshot is pinned, and kept on purpose: {note}.</source>
        <translation>快照已固定，特意保留：{note}。</translation>
    </message>
    <message>
        <source>The snapshot is pinned, and kept on purpose.</source>
        <translation>快照已固定，特意保留。</translation>
    </message>
    <message>
        <source>The snapshot is needed: {runs} runs that wait or are live are made of it.</source>
        <translation>快照还在使用：有 {runs} 个等待或进行中的运行要用它。</translation>
    </message>
    <message>
        <source>Wait for their end, or stop them first.</source>
        <translation>请等它们结束，或先停止它们。</translation>
    </message>
    <message>
        <source>The project&apos;s name can&apos;t be kept: it has {chars} characters, and up to {chars_max} are, in one line.</source>
        <translation>无法保存项目的名称：它有 {chars} 个字符；最多 {chars_max} 个，且只占一行。</translation>
    </message>
    <message>
        <source>Choose a shorter one.</source>
        <translation>请换一个较短的。</translation>
    </message>
    <message>
        <source>The note can&apos;t be kept: it has {chars} characters, and up to {chars_max} are, in one line.</source>
        <translation>无法保存备注：它有 {chars} 个字符；最多 {chars_max} 个，且只占一行。</translation>
    </message>
    <message>
        <source>This text can&apos;t be kept: it has {chars} characters, and up to {chars_max} are, in one line.</source>
        <translation>无法保存这段文本：它有 {chars} 个字符；最多 {chars_max} 个，且只占一行。</translation>
    </message>
    <message>
        <source>A page of snapshots holds 1 to {limit_max}, and {limit} were asked for.</source>
        <translation>快照列表的一页可以有 1 到 {limit_max} 个，请求的却是 {limit} 个。</translation>
    </message>
    <message>
        <source>Ask for the next page with the last snapshot of the one before.</source>
        <translation>请以上一页的最后一个快照请求下一页。</translation>
    </message>
    <message>
        <source>An age below 0 lies in the future.</source>
        <translation>小于 0 的时长在未来。</translation>
    </message>
    <message>
        <source>Give an age of 0 or more.</source>
        <translation>请给出 0 或更大的时长。</translation>
    </message>
    <message>
        <source>{snapshots} snapshots begin with {snapshot}.</source>
        <translation>有 {snapshots} 个快照以“{snapshot}”开头。</translation>
    </message>
    <message>
        <source>Write more of the one that you mean.</source>
        <translation>请把所指的那个写得更完整。</translation>
    </message>
    <message>
        <source>No snapshot of yours begins with {snapshot}.</source>
        <translation>你的快照中没有以“{snapshot}”开头的。</translation>
    </message>
    <message>
        <source>Look at the list of snapshots; a removed one comes back when the project is pushed.</source>
        <translation>请查看快照的列表；已删除的会在推送项目时恢复。</translation>
    </message>
    <message>
        <source>No machine is paired, and a push needs one to go to.</source>
        <translation>还没有配对任何机器，推送没有去处。</translation>
    </message>
    <message>
        <source>Pair one.</source>
        <translation>请先配对一台。</translation>
    </message>
    <message>
        <source>{path} has mistakes, {findings} in all: the first is in line {line}, at {key}.</source>
        <translation>{path} 有 {findings} 处错误：第一处在第 {line} 行的 {key}。</translation>
    </message>
    <message>
        <source>{path} has mistakes, {findings} in all: the first is in line {line}.</source>
        <translation>{path} 有 {findings} 处错误：第一处在第 {line} 行。</translation>
    </message>
    <message>
        <source>Mend the file with an editor.</source>
        <translation>请用编辑器修改这个文件。</translation>
    </message>
    <message>
        <source>{path} can&apos;t be changed: {problem}.</source>
        <translation>无法更改 {path}：{problem}。</translation>
    </message>
    <message>
        <source>Change it with an editor.</source>
        <translation>请用编辑器更改它。</translation>
    </message>
    <message>
        <source>There is no {path}, since its folder can&apos;t be written.</source>
        <translation>没有 {path}：它的文件夹无法写入。</translation>
    </message>
    <message>
        <source>Make the folder writable, and try again.</source>
        <translation>请让文件夹可以写入，再重试。</translation>
    </message>
    <message>
        <source>None of the paired machines answers: {machines}.</source>
        <translation>已配对的机器都没有应答：{machines}。</translation>
    </message>
    <message>
        <source>Look at the list of machines for why.</source>
        <translation>原因请看机器列表。</translation>
    </message>
    <message>
        <source>No connected machine suits this run, which asks for {asks}. There are: {has}.</source>
        <translation>没有一台已连接的机器能满足这个运行。它要求：{asks}。现有：{has}。</translation>
    </message>
    <message>
        <source>Ask for less, or wait for a machine that has it.</source>
        <translation>请降低要求，或等待有这些资源的机器。</translation>
    </message>
    <message>
        <source>It has {runs} runs; one submit takes {runs_max}.</source>
        <translation>共有 {runs} 个运行；一次最多提交 {runs_max} 个。</translation>
    </message>
    <message>
        <source>Send the runs in several submits. Nothing was sent.</source>
        <translation>请分几次提交。没有发送任何内容。</translation>
    </message>
    <message>
        <source>Its runs take {size}; one submit takes {size_bytes_max}.</source>
        <translation>这些运行共 {size}；一次最多提交 {size_bytes_max}。</translation>
    </message>
    <message>
        <source>The Lanherd on {machine} takes no {runs} runs at once. Nothing of them was taken.</source>
        <translation>{machine} 上的 Lanherd 不能一次接受 {runs} 个运行。一个也没有接受。</translation>
    </message>
    <message>
        <source>Upgrade Lanherd on {machine}, or send the runs in several submits.</source>
        <translation>请升级 {machine} 上的 Lanherd，或分几次提交。</translation>
    </message>
    <message>
        <source>{path} can&apos;t be read. The system says: {problem}.</source>
        <translation>无法读取 {path}。系统说：{problem}。</translation>
    </message>
    <message>
        <source>Mend it, or leave it out by a line in .lanherdignore.</source>
        <translation>请修正它，或在 .lanherdignore 中写一行将其排除。</translation>
    </message>
    <message>
        <source>The rules in {path} make no sense: {problem}.</source>
        <translation>{path} 中的规则无法理解：{problem}。</translation>
    </message>
    <message>
        <source>Mend the rules, one to a line.</source>
        <translation>请修正规则，每行一条。</translation>
    </message>
    <message>
        <source>{path} is no TOML: {problem}.</source>
        <translation>{path} 不是有效的 TOML：{problem}。</translation>
    </message>
    <message>
        <source>Mend it.</source>
        <translation>请修正它。</translation>
    </message>
    <message>
        <source>In {path}, &apos;ignore&apos; is no list of texts.</source>
        <translation>{path} 中的 ignore 不是文本的列表。</translation>
    </message>
    <message>
        <source>Write it as in ignore = [&quot;data/&quot;, &quot;*.log&quot;].</source>
        <translation>请写成例如 ignore = [&quot;data/&quot;, &quot;*.log&quot;]。</translation>
    </message>
    <message>
        <source>{path} is a file, not a folder.</source>
        <translation>{path} 是文件，不是文件夹。</translation>
    </message>
    <message>
        <source>Choose the folder that holds the program.</source>
        <translation>请选择程序所在的文件夹。</translation>
    </message>
    <message>
        <source>There is no folder {path}.</source>
        <translation>没有文件夹 {path}。</translation>
    </message>
    <message>
        <source>Choose a folder that exists.</source>
        <translation>请选择存在的文件夹。</translation>
    </message>
    <message>
        <source>{path} has more than {bytes_max}.</source>
        <translation>{path} 超过 {bytes_max}。</translation>
    </message>
    <message>
        <source>Make a new lock.</source>
        <translation>请重新生成锁文件。</translation>
    </message>
    <message>
        <source>{path} is {what}, which can&apos;t be part of a snapshot.</source>
        <translation>{path} 是{what}，不能放进快照。</translation>
    </message>
    <message>
        <source>Leave it out by a line in .lanherdignore.</source>
        <translation>请在 .lanherdignore 中写一行将其排除。</translation>
    </message>
    <message>
        <source>The name of {path} can&apos;t be kept on every machine: it {why}.</source>
        <translation>{path} 的名称不是每台机器都能保存：它{why}。</translation>
    </message>
    <message>
        <source>Rename it, or leave its folder out by a line in .lanherdignore.</source>
        <translation>请给它改名，或在 .lanherdignore 中写一行将其文件夹排除。</translation>
    </message>
    <message>
        <source>{path} is a link to {target}, which is outside the project or leads through &apos;..&apos; there.</source>
        <translation>{path} 是指向 {target} 的链接，它在项目之外，或经由“..”通向那里。</translation>
    </message>
    <message>
        <source>Put the files into the project, or leave the link out by a line in .lanherdignore.</source>
        <translation>请把文件放进项目，或在 .lanherdignore 中写一行将链接排除。</translation>
    </message>
    <message>
        <source>All {left_out} entries of {path} are left out by ignore rules.</source>
        <translation>{path} 中的全部 {left_out} 项都被忽略规则排除了。</translation>
    </message>
    <message>
        <source>{path} has no files.</source>
        <translation>{path} 中没有文件。</translation>
    </message>
    <message>
        <source>Choose the folder that holds the program, or change .lanherdignore or .gitignore.</source>
        <translation>请选择程序所在的文件夹，或修改 .lanherdignore 或 .gitignore。</translation>
    </message>
    <message>
        <source>{path} changed while it was read: a snapshot holds each file as it was at one moment.</source>
        <translation>{path} 在读取时被改动：快照中的每个文件都应是同一时刻的内容。</translation>
    </message>
    <message>
        <source>Wait until it is written and try again, or leave it out by a line in .lanherdignore.</source>
        <translation>请等它写完后再试，或在 .lanherdignore 中写一行将其排除。</translation>
    </message>
    <message>
        <source>{path} has more than {files_max} files and empty folders.</source>
        <translation>{path} 太大，无法发送：文件和空文件夹超过 {files_max} 个。</translation>
    </message>
    <message>
        <source>Leave folders out by lines in .lanherdignore.</source>
        <translation>请在 .lanherdignore 中写几行排除一些文件夹。</translation>
    </message>
    <message>
        <source>The list of the files in {path} can&apos;t be sent: {problem}.</source>
        <translation>{path} 的文件清单无法发送：{problem}。</translation>
    </message>
    <message>
        <source>The sending of the project was cancelled.</source>
        <translation>项目的发送已被取消。</translation>
    </message>
    <message>
        <source>Submit the run again: what was sent is kept.</source>
        <translation>请重新提交运行：已发送的内容会保留。</translation>
    </message>
    <message>
        <source>The machine asked for something that isn&apos;t part of the project: {blob}.</source>
        <translation>机器请求了项目中没有的内容：{blob}。</translation>
    </message>
    <message>
        <source>Update Lanherd on that machine.</source>
        <translation>请升级那台机器上的 Lanherd。</translation>
    </message>
    <message>
        <source>{rule} is no rule for {path}: a rule is one line.</source>
        <translation>“{rule}”不能用作 {path} 的规则：一条规则占一行。</translation>
    </message>
    <message>
        <source>Write one line, such as &apos;/data/&apos; or &apos;*.ckpt&apos;.</source>
        <translation>请写一行，例如 /data/ 或 *.ckpt。</translation>
    </message>
    <message>
        <source>Make it shorter.</source>
        <translation>请缩短它。</translation>
    </message>
</context>
<context>
    <name>phrases</name>
    <message>
        <source>an error of its memory that ECC could not correct</source>
        <translation>显存出现了 ECC 无法纠正的错误</translation>
    </message>
    <message>
        <source>its power cable is not connected</source>
        <translation>电源线没有接好</translation>
    </message>
    <message>
        <source>its internal controller reported a fault</source>
        <translation>内部控制器报告了故障</translation>
    </message>
    <message>
        <source>its internal controller stopped</source>
        <translation>内部控制器已停止</translation>
    </message>
    <message>
        <source>a part of its memory was taken out of use</source>
        <translation>一部分显存已停用</translation>
    </message>
    <message>
        <source>a part of its memory could not be taken out of use</source>
        <translation>一部分显存无法停用</translation>
    </message>
    <message>
        <source>an error of its NVLink</source>
        <translation>NVLink 出错</translation>
    </message>
    <message>
        <source>it fell off the bus</source>
        <translation>它已从总线上脱离</translation>
    </message>
    <message>
        <source>very many errors of its memory</source>
        <translation>显存错误非常多</translation>
    </message>
    <message>
        <source>an error of its memory that was contained</source>
        <translation>显存错误，影响已被限制</translation>
    </message>
    <message>
        <source>an error of its memory that was not contained</source>
        <translation>显存错误，影响未被限制</translation>
    </message>
    <message>
        <source>a security fault</source>
        <translation>安全故障</translation>
    </message>
    <message>
        <source>its GSP processor did not answer</source>
        <translation>GSP 处理器没有应答</translation>
    </message>
    <message>
        <source>its GSP processor failed</source>
        <translation>GSP 处理器出错</translation>
    </message>
    <message>
        <source>an error of its link to the CPU</source>
        <translation>与 CPU 的连接出错</translation>
    </message>
    <message>
        <source>an error of its memory that it did not recover from</source>
        <translation>显存错误，且未能恢复</translation>
    </message>
    <message>
        <source>it could not be initialised</source>
        <translation>无法初始化</translation>
    </message>
    <message>
        <source>the driver wants it to be reset</source>
        <translation>驱动程序要求重置它</translation>
    </message>
    <message>
        <source>a link</source>
        <translation>链接</translation>
    </message>
    <message>
        <source>a folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>a pipe</source>
        <translation>管道</translation>
    </message>
    <message>
        <source>a socket</source>
        <translation>套接字</translation>
    </message>
    <message>
        <source>a device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>viewer</source>
        <translation>观察者</translation>
    </message>
    <message>
        <source>user</source>
        <translation>用户</translation>
    </message>
    <message>
        <source>operator</source>
        <translation>操作员</translation>
    </message>
    <message>
        <source>admin</source>
        <translation>管理员</translation>
    </message>
    <message>
        <source>command</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>pre command</source>
        <translation>前置命令</translation>
    </message>
    <message>
        <source>post command</source>
        <translation>后置命令</translation>
    </message>
    <message>
        <source>exit codes</source>
        <translation>退出码</translation>
    </message>
    <message>
        <source>signals</source>
        <translation>信号</translation>
    </message>
    <message>
        <source>prepare its store of snapshots</source>
        <translation>准备快照存储</translation>
    </message>
    <message>
        <source>store the project&apos;s files</source>
        <translation>保存项目的文件</translation>
    </message>
    <message>
        <source>store the snapshot</source>
        <translation>保存快照</translation>
    </message>
    <message>
        <source>read the snapshot</source>
        <translation>读取快照</translation>
    </message>
    <message>
        <source>unpack the snapshot</source>
        <translation>展开快照</translation>
    </message>
    <message>
        <source>not a plain file</source>
        <translation>不是普通文件</translation>
    </message>
    <message>
        <source>another user&apos;s</source>
        <translation>属于别的用户</translation>
    </message>
    <message>
        <source>torn</source>
        <translation>不完整</translation>
    </message>
    <message>
        <source>too large</source>
        <translation>太大</translation>
    </message>
    <message>
        <source>invalid</source>
        <translation>无效</translation>
    </message>
    <message>
        <source>unreadable</source>
        <translation>无法读取</translation>
    </message>
    <message>
        <source>size</source>
        <translation>大小（例如 20GB）</translation>
    </message>
    <message>
        <source>whole</source>
        <translation>整数</translation>
    </message>
    <message>
        <source>version</source>
        <translation>版本（例如 12.4）</translation>
    </message>
    <message>
        <source>text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>a list of indices or UUIDs of GPUs</source>
        <translation> GPU 编号或 UUID 的列表</translation>
    </message>
    <message>
        <source>a whole number from 0 to 64</source>
        <translation> 0 到 64 的整数</translation>
    </message>
    <message>
        <source>one of pack, spread, coolest, most_free</source>
        <translation> pack、spread、coolest、most_free 之一</translation>
    </message>
    <message>
        <source>true or false</source>
        <translation> true 或 false</translation>
    </message>
    <message>
        <source>a share above 0, up to 1</source>
        <translation>大于 0、不超过 1 的比例</translation>
    </message>
    <message>
        <source>wait or share</source>
        <translation> wait 或 share</translation>
    </message>
    <message>
        <source>seconds, or a time with its unit</source>
        <translation>秒数，或带单位的时间</translation>
    </message>
    <message>
        <source>degrees Celsius, from 21 to 120</source>
        <translation>摄氏度，21 到 120</translation>
    </message>
    <message>
        <source>watts, up to 100000</source>
        <translation>瓦数，最多 100000</translation>
    </message>
    <message>
        <source>a whole number from 1 to 10000</source>
        <translation> 1 到 10000 的整数</translation>
    </message>
    <message>
        <source>a list of times</source>
        <translation>时间段的列表</translation>
    </message>
    <message>
        <source>warn or stop</source>
        <translation> warn 或 stop</translation>
    </message>
    <message>
        <source>a whole number from 0 to 1000</source>
        <translation> 0 到 1000 的整数</translation>
    </message>
    <message>
        <source>seconds, or a time with its unit, at least 1 s</source>
        <translation>秒数，或带单位的时间，至少 1 秒</translation>
    </message>
    <message>
        <source>Cannot overwrite a value</source>
        <translation>值写了两次</translation>
    </message>
    <message>
        <source>Escaped character is not a Unicode scalar value</source>
        <translation>转义的字符不是 Unicode 字符</translation>
    </message>
    <message>
        <source>Expected &apos;=&apos; after a key in a key/value pair</source>
        <translation>键之后应有“=”</translation>
    </message>
    <message>
        <source>Expected &apos;]&apos; at the end of a table declaration</source>
        <translation>表的名称之后应有“]”</translation>
    </message>
    <message>
        <source>Expected &apos;]]&apos; at the end of an array declaration</source>
        <translation>表数组的名称之后应有“]]”</translation>
    </message>
    <message>
        <source>Expected newline or end of document after a statement</source>
        <translation>这里应当换行或结束</translation>
    </message>
    <message>
        <source>Invalid date or datetime</source>
        <translation>无效的日期或时间</translation>
    </message>
    <message>
        <source>Invalid hex value</source>
        <translation>无效的十六进制值</translation>
    </message>
    <message>
        <source>Invalid initial character for a key part</source>
        <translation>键不能以这个字符开头</translation>
    </message>
    <message>
        <source>Invalid statement</source>
        <translation>无效的语句</translation>
    </message>
    <message>
        <source>Invalid value</source>
        <translation>无效的值</translation>
    </message>
    <message>
        <source>Unclosed array</source>
        <translation>列表没有结束</translation>
    </message>
    <message>
        <source>Unclosed inline table</source>
        <translation>内联表没有结束</translation>
    </message>
    <message>
        <source>Unescaped &apos;\&apos; in a string</source>
        <translation>字符串中的“\”没有转义</translation>
    </message>
    <message>
        <source>Unterminated string</source>
        <translation>字符串没有结束</translation>
    </message>
    <message>
        <source>Brackets are too deep inside each other</source>
        <translation>括号嵌套太深</translation>
    </message>
    <message>
        <source>switch</source>
        <translation> True 或 False</translation>
    </message>
    <message>
        <source>mapping</source>
        <translation>名称和文本的字典</translation>
    </message>
    <message>
        <source>no regular file</source>
        <translation>特殊文件</translation>
    </message>
    <message>
        <source>a file of the project</source>
        <translation>项目中的文件</translation>
    </message>
    <message>
        <source>a file&apos;s hash</source>
        <translation>文件的哈希值</translation>
    </message>
    <message>
        <source>a package</source>
        <translation>软件包</translation>
    </message>
    <message>
        <source>a registered environment&apos;s name</source>
        <translation>登记的环境的名称</translation>
    </message>
    <message>
        <source>a version of Python</source>
        <translation> Python 版本</translation>
    </message>
    <message>
        <source>an environment&apos;s id</source>
        <translation>环境的 ID</translation>
    </message>
    <message>
        <source>an extra</source>
        <translation>附加功能（extra）</translation>
    </message>
    <message>
        <source>a group</source>
        <translation>依赖组</translation>
    </message>
</context>
<context>
    <name>preferences</name>
    <message>
        <source>{file} is broken: {why}. It was kept as {aside}.</source>
        <translation>{file} 已损坏：{why}。已另存为 {aside}。</translation>
    </message>
    <message>
        <source>{file} can&apos;t be read: {why}. The window begins as if it were new.</source>
        <translation>无法读取 {file}：{why}。窗口以默认设置启动。</translation>
    </message>
    <message>
        <source>{file} can&apos;t be written: {why}. What you change holds until the window is closed.</source>
        <translation>无法写入 {file}：{why}。更改仅在窗口关闭前有效。</translation>
    </message>
</context>
<context>
    <name>projects</name>
    <message>
        <source>{path} is not text, so it can&apos;t be a lock, and runs use the machine&apos;s own Python. Save it as UTF-8, or make a lock.</source>
        <translation>{path} 不是文本，不能用作锁文件，因此运行使用机器自带的 Python。请存为 UTF-8，或另外生成锁文件。</translation>
    </message>
    <message>
        <source>{path} has no hashes for all of its packages: the machine chooses versions when it first builds it and keeps to them; another machine may choose others. To fix them, rename it to requirements.in and make a lock by &apos;{command}&apos;.</source>
        <translation>{path} 没有写全软件包的哈希值：机器首次构建时选定版本，此后保持不变；别的机器可能选定其他版本。要固定版本，请将它改名为 requirements.in，再用“{command}”生成锁文件。</translation>
    </message>
    <message>
        <source>{path} can&apos;t be understood, and no lock is there, so runs use the machine&apos;s own Python: {problem}. Mend it, then make a lock by &apos;uv lock&apos;.</source>
        <translation>{path} 无法理解，又没有锁文件，因此运行使用机器自带的 Python：{problem}。请修改它，再用“uv lock”生成锁文件。</translation>
    </message>
    <message>
        <source>The dependencies in {path} are dynamic, so only its build could name them, and runs use the machine&apos;s own Python. Make a lock by &apos;uv lock&apos;.</source>
        <translation>{path} 中的依赖项是动态的，只有构建时才能得知，因此运行使用机器自带的 Python。请用“uv lock”生成锁文件。</translation>
    </message>
    <message>
        <source>{path} has no lock beside it: the machine chooses versions when it first builds it and keeps to them; another machine may choose others. &apos;uv lock&apos; fixes them.</source>
        <translation>{path} 旁边没有锁文件：机器首次构建时选定版本，此后保持不变；别的机器可能选定其他版本。“uv lock”可以固定版本。</translation>
    </message>
</context>
<context>
    <name>reasons</name>
    <message>
        <source>Waits its turn.</source>
        <translation>正在排队。</translation>
    </message>
    <message>
        <source>Ready to start.</source>
        <translation>可以启动。</translation>
    </message>
    <message>
        <source>Waits for its environment to be built.</source>
        <translation>等待构建环境。</translation>
    </message>
    <message>
        <source>The machine&apos;s GPUs have not been read yet.</source>
        <translation>尚未读取这台机器的 GPU。</translation>
    </message>
    <message>
        <source>{live} runs are live, the most that this machine takes at once.</source>
        <translation>已有 {live} 个运行，达到这台机器的上限。</translation>
    </message>
    <message>
        <source>GPU {gpu} has room, but is kept for a run that is ahead in the line.</source>
        <translation>GPU {gpu} 有空间，但留给了排在前面的运行。</translation>
    </message>
    <message>
        <source>GPU {gpu} has room, but is kept for run {run}, which is ahead in the line.</source>
        <translation>GPU {gpu} 有空间，但留给了排在前面的运行 {run}。</translation>
    </message>
    <message>
        <source>There is room, but without a time limit it might delay run {run}, which is ahead.</source>
        <translation>有空间，但它没有时限，可能推迟排在前面的运行 {run}。</translation>
    </message>
    <message>
        <source>There is room, but it would not be over before run {run}, which is ahead, needs it.</source>
        <translation>有空间，但在排在前面的运行 {run} 需要之前它结束不了。</translation>
    </message>
    <message>
        <source>Move it ahead in the line, if it can&apos;t wait.</source>
        <translation>如果等不及，把它在队列中前移。</translation>
    </message>
    <message>
        <source>Give it a shorter time limit, or move it ahead in the line.</source>
        <translation>给它更短的时限，或把它在队列中前移。</translation>
    </message>
    <message>
        <source>The machine&apos;s rules let no more than {packed_percent}% of it be promised.</source>
        <translation>机器规则只允许分配其中的 {packed_percent}%。</translation>
    </message>
    <message>
        <source>{runs} runs there hold {ours}, {largest} of it run {run}.</source>
        <translation>其上 {runs} 个运行占用 {ours}，其中运行 {run} 占 {largest}。</translation>
    </message>
    <message>
        <source>GPU {gpu} is held by run {run}, which has it for itself.</source>
        <translation>GPU {gpu} 由运行 {run} 独占。</translation>
    </message>
    <message>
        <source>GPU {gpu} can&apos;t be used now: {problem}</source>
        <translation>GPU {gpu} 目前无法使用：{problem}</translation>
    </message>
    <message>
        <source>Needs {needs_gpus} GPUs with {needs} each; the machine has {gpus} now.</source>
        <translation>需要 {needs_gpus} 块 GPU，每块 {needs}；机器目前有 {gpus} 块。</translation>
    </message>
    <message>
        <source>Needs a GPU for itself; GPU {gpu} is in use by {runs} runs and {foreign} not ours.</source>
        <translation>需要独占一块 GPU；GPU {gpu} 上有 {runs} 个运行，非本系统进程占用 {foreign}。</translation>
    </message>
    <message>
        <source>GPU {gpu} is held by a run that has it for itself.</source>
        <translation>GPU {gpu} 已被一个运行独占。</translation>
    </message>
    <message>
        <source>GPU {gpu}: {free} of {total} free, needs {needs}; {foreign} not ours.</source>
        <translation>GPU {gpu}：共 {total}，空闲 {free}，需要 {needs}；非本系统进程占用 {foreign}。</translation>
    </message>
    <message>
        <source>Declares no VRAM, so it needs a GPU to itself; GPU {gpu}: {free} of {total} free.</source>
        <translation>未声明显存，因此需要独占一块 GPU；GPU {gpu}：共 {total}，空闲 {free}。</translation>
    </message>
    <message>
        <source>{free_gpus} of the {needs_gpus} GPUs that it needs are free.</source>
        <translation>需要 {needs_gpus} 块 GPU，目前空闲 {free_gpus} 块。</translation>
    </message>
    <message>
        <source>Ended with exit code 0.</source>
        <translation>已结束，退出码 0。</translation>
    </message>
    <message>
        <source>Cancelled before it was started.</source>
        <translation>启动前已取消。</translation>
    </message>
    <message>
        <source>Stopped as asked.</source>
        <translation>已按要求停止。</translation>
    </message>
    <message>
        <source>It was asked to stop, and is over.</source>
        <translation>已要求它停止，它已结束。</translation>
    </message>
    <message>
        <source>Ended with exit code {exit_code}.</source>
        <translation>已结束，退出码 {exit_code}。</translation>
    </message>
    <message>
        <source>Ended by signal {signal} {name}, which Lanherd did not send.</source>
        <translation>被信号 {signal} {name} 终止，该信号并非 Lanherd 发送。</translation>
    </message>
    <message>
        <source>It is over, but how it ended is not known.</source>
        <translation>已结束，但不清楚如何结束。</translation>
    </message>
    <message>
        <source>Needs {needs_gpus} GPUs; the machine has {gpus} now.</source>
        <translation>需要 {needs_gpus} 块 GPU；机器目前有 {gpus} 块。</translation>
    </message>
    <message>
        <source>Needs a GPU for itself; GPU {gpu} is in use.</source>
        <translation>需要独占一块 GPU；GPU {gpu} 正在使用中。</translation>
    </message>
    <message>
        <source>GPU {gpu}: {free} of {total} free, needs {needs}.</source>
        <translation>GPU {gpu}：共 {total}，空闲 {free}，需要 {needs}。</translation>
    </message>
    <message>
        <source>Ended by signal {signal}, which Lanherd did not send.</source>
        <translation>被信号 {signal} 终止，该信号并非 Lanherd 发送。</translation>
    </message>
    <message>
        <source>Its pre command did not succeed, so the command was not begun.</source>
        <translation>前置命令未成功，因此命令没有开始。</translation>
    </message>
    <message>
        <source>Its time limit of {limit_s} was reached.</source>
        <translation>已达到时限 {limit_s}。</translation>
    </message>
    <message>
        <source>It waited for run {run} to succeed, but that one ended so: {outcome}.</source>
        <translation>它等待运行 {run} 成功，但该运行的结果是：{outcome}。</translation>
    </message>
    <message>
        <source>Cancelled before its next attempt was started.</source>
        <translation>在下一次尝试开始前已取消。</translation>
    </message>
    <message>
        <source>The machine was restarted while it ran.</source>
        <translation>运行期间机器重新启动了。</translation>
    </message>
    <message>
        <source>How it ended is not known.</source>
        <translation>如何结束的不得而知。</translation>
    </message>
    <message>
        <source>Its run directory can&apos;t be trusted.</source>
        <translation>它的运行目录不可信。</translation>
    </message>
    <message>
        <source>Its run directory is gone.</source>
        <translation>它的运行目录不见了。</translation>
    </message>
    <message>
        <source>It is held back.</source>
        <translation>已暂缓。</translation>
    </message>
    <message>
        <source>Waits for run {run} {kind}.</source>
        <translation>等待运行 {run} {kind}。</translation>
    </message>
    <message>
        <source>Waits a while before attempt {attempt} of {attempts_max}; the last one ended so: {outcome}.</source>
        <translation>等待一会儿后开始第 {attempt} 次尝试（最多 {attempts_max} 次）；上一次的结果是：{outcome}。</translation>
    </message>
    <message>
        <source>The machine&apos;s disk has {free} free; no run is started below {low}.</source>
        <translation>机器磁盘空闲 {free}；低于 {low} 时不启动运行。</translation>
    </message>
    <message>
        <source>The agent&apos;s records can&apos;t be written: nothing that happens now is kept.</source>
        <translation>代理的记录无法写入：现在发生的一切都不会被保存。</translation>
    </message>
    <message>
        <source>The agent&apos;s records were damaged or gone, and were made anew from the directories of {runs} runs.</source>
        <translation>代理的记录已损坏或丢失，已根据 {runs} 个运行的目录重建。</translation>
    </message>
    <message>
        <source>The files of run {run} are left alone. {why}</source>
        <translation>运行 {run} 的文件未作任何改动。{why}</translation>
    </message>
    <message>
        <source>It ended {age_s} ago; files are kept for {age_s_max}.</source>
        <translation>它在 {age_s} 前结束；文件保留 {age_s_max}。</translation>
    </message>
    <message>
        <source>Files are kept of the newest {runs_max} that ended.</source>
        <translation>只保留最新 {runs_max} 个已结束运行的文件。</translation>
    </message>
    <message>
        <source>Files take {size}; they are kept up to {bytes_max}.</source>
        <translation>文件占用 {size}；上限为 {bytes_max}。</translation>
    </message>
    <message>
        <source>The disk has {free} free; {free_bytes_min} shall stay free.</source>
        <translation>磁盘空闲 {free}；须保留 {free_bytes_min}。</translation>
    </message>
    <message>
        <source>It holds {used} of GPU {gpu}, and was promised {promised}.</source>
        <translation>它占用 GPU {gpu} 的 {used}，而承诺给它的是 {promised}。</translation>
    </message>
    <message>
        <source>It held {used} of GPU {gpu}, was promised {promised}, and the machine&apos;s rules stop such runs.</source>
        <translation>它占用了 GPU {gpu} 的 {used}，承诺给它的是 {promised}，而机器的规则会停止这样的运行。</translation>
    </message>
    <message>
        <source>The driver reported Xid {xid} for it: {what}.</source>
        <translation>驱动程序报告它出现 Xid {xid}：{what}。</translation>
    </message>
    <message>
        <source>Its memory had {new_errors} errors that ECC could not correct.</source>
        <translation>其显存出现了 {new_errors} 个 ECC 无法纠正的错误。</translation>
    </message>
    <message>
        <source>Its driver and the driver&apos;s library don&apos;t fit each other: {problem}</source>
        <translation>其驱动程序与驱动库版本不一致：{problem}</translation>
    </message>
    <message>
        <source>The driver doesn&apos;t reach it any more: {problem}</source>
        <translation>驱动程序无法再访问它：{problem}</translation>
    </message>
    <message>
        <source>None of the machine&apos;s GPUs ({gpus}) can be used: {problem}</source>
        <translation>机器的 GPU（{gpus} 个）都无法使用：{problem}</translation>
    </message>
    <message>
        <source>It can&apos;t be read: {problem}</source>
        <translation>无法读取它：{problem}</translation>
    </message>
    <message>
        <source>The rules of retention can&apos;t be applied now: {why}</source>
        <translation>现在无法应用保留规则：{why}</translation>
    </message>
    <message>
        <source>The files of some runs ({runs}) can&apos;t be read, so retention leaves them alone: {why}</source>
        <translation>部分运行（{runs}）的文件无法读取，保留规则不会处理它们：{why}</translation>
    </message>
    <message>
        <source>{failures} runs in a row failed on it, and hardly any on other GPUs.</source>
        <translation>连续 {failures} 个运行在它上面失败，而在其他 GPU 上几乎没有。</translation>
    </message>
    <message>
        <source>{by} closed it.</source>
        <translation>{by} 将其停用。</translation>
    </message>
    <message>
        <source>The rules file is kept out, since its line {line} is wrong.</source>
        <translation>规则文件未被采用：第 {line} 行有误。</translation>
    </message>
    <message>
        <source>The rules name GPU {gpus}, which the machine doesn&apos;t have now.</source>
        <translation>规则中提到 GPU {gpus}，而机器现在没有。</translation>
    </message>
    <message>
        <source>The rules hold, but no copy of them could be kept: {why}.</source>
        <translation>规则已生效，但无法保存其副本：{why}。</translation>
    </message>
    <message>
        <source>The machine&apos;s GPUs have not been read yet: {problem}</source>
        <translation>尚未读取到机器的 GPU：{problem}</translation>
    </message>
    <message>
        <source>Waits its turn behind {ahead} other runs.</source>
        <translation>正在排队，前面还有 {ahead} 个运行。</translation>
    </message>
    <message>
        <source>Waits until what {ahead} runs ahead of it need has been made ready.</source>
        <translation>等待前面 {ahead} 个运行的快照和环境准备完毕。</translation>
    </message>
    <message>
        <source>Needs a GPU for itself; GPU {gpu} is in use by {runs} runs.</source>
        <translation>需要独占一块 GPU；GPU {gpu} 上有 {runs} 个运行。</translation>
    </message>
    <message>
        <source>Needs a GPU for itself; GPU {gpu} has {foreign} not ours.</source>
        <translation>需要独占一块 GPU；GPU {gpu} 上非本系统进程占用 {foreign}。</translation>
    </message>
    <message>
        <source>GPU {gpu}: {free} of {total} free, needs {needs}; {processes} processes that are not ours hold {foreign}, {process} of it the {program} of {user} (pid {pid}).</source>
        <translation>GPU {gpu}：共 {total}，空闲 {free}，需要 {needs}；{processes} 个非本系统进程占用 {foreign}，其中 {user} 的 {program}（pid {pid}）占用 {process}。</translation>
    </message>
    <message>
        <source>GPU {gpu}: {free} of {total} free, needs {needs}; the {program} of {user} (pid {pid}, not ours) holds {process}.</source>
        <translation>GPU {gpu}：共 {total}，空闲 {free}，需要 {needs}；{user} 的 {program}（pid {pid}，非本系统进程）占用 {process}。</translation>
    </message>
    <message>
        <source>Waits until others are gone from GPU {gpu}; the {program} of {user} (pid {pid}, not ours) holds {process}.</source>
        <translation>等待其他进程离开 GPU {gpu}；{user} 的 {program}（pid {pid}，非本系统进程）占用 {process}。</translation>
    </message>
    <message>
        <source>No run starts on this machine now: {by} paused it ({note}).</source>
        <translation>这台机器现在不启动运行：{by} 已将其暂停（{note}）。</translation>
    </message>
    <message>
        <source>No run starts on this machine now: {by} paused it.</source>
        <translation>这台机器现在不启动运行：{by} 已将其暂停。</translation>
    </message>
    <message>
        <source>No run with the tag {tag} starts here now: {by} paused it ({note}).</source>
        <translation>带标签 {tag} 的运行现在不在这里启动：{by} 已将其暂停（{note}）。</translation>
    </message>
    <message>
        <source>No run with the tag {tag} starts here now: {by} paused it.</source>
        <translation>带标签 {tag} 的运行现在不在这里启动：{by} 已将其暂停。</translation>
    </message>
    <message>
        <source>Run {run} holds {used} of GPU {gpu}, and was promised {promised}.</source>
        <translation>运行 {run} 占用 GPU {gpu} 的 {used}，而承诺给它的是 {promised}。</translation>
    </message>
    <message>
        <source>{by} closed it: {why}</source>
        <translation>{by} 将其停用：{why}</translation>
    </message>
    <message>
        <source>Declares no VRAM, so it needs a GPU to itself; GPU {gpu}: {free} of {total} free, used by {runs} runs.</source>
        <translation>未声明显存，因此需要独占一块 GPU；GPU {gpu}：共 {total}，空闲 {free}，有 {runs} 个运行。</translation>
    </message>
    <message>
        <source>Waits for {runs} runs; for the first, {run}, {kind}.</source>
        <translation>等待 {runs} 个运行；其中第一个 {run} {kind}。</translation>
    </message>
    <message>
        <source>Runs of {name} hold {gpus} GPUs, {gpus_over} more than the {gpus_max} that they may have here now; it needs {needs_gpus}.</source>
        <translation>{name} 的运行占用 {gpus} 个 GPU，比现在允许的 {gpus_max} 个多 {gpus_over} 个；此运行需要 {needs_gpus} 个。</translation>
    </message>
    <message>
        <source>Its pre command can&apos;t be executed ({command}: {why}; exit code {exit_code}), so the command was not begun.</source>
        <translation>它的前置命令无法执行（{command}：{why}；退出码 {exit_code}），所以命令没有开始。</translation>
    </message>
    <message>
        <source>Its pre command can&apos;t be executed: {command}, or its interpreter, is not on the machine (exit code {exit_code}), so the command was not begun.</source>
        <translation>它的前置命令无法执行：机器上没有“{command}”或它的解释器（退出码 {exit_code}），所以命令没有开始。</translation>
    </message>
    <message>
        <source>Its pre command was ended by signal {signal}, so the command was not begun.</source>
        <translation>前置命令被信号 {signal} 结束，因此命令没有开始。</translation>
    </message>
    <message>
        <source>Its pre command ended with exit code {exit_code}, so the command was not begun.</source>
        <translation>前置命令以退出码 {exit_code} 结束，因此命令没有开始。</translation>
    </message>
    <message>
        <source>It ended {age_s} ago; files of project {project} are kept for {age_s_max}.</source>
        <translation>它在 {age_s} 前结束；项目 {project} 的文件保留 {age_s_max}。</translation>
    </message>
    <message>
        <source>Files of project {project} are kept of the newest {runs_max} that ended.</source>
        <translation>项目 {project} 只保留最新 {runs_max} 个已结束运行的文件。</translation>
    </message>
    <message>
        <source>Files of project {project} take {size}; they are kept up to {bytes_max}.</source>
        <translation>项目 {project} 的文件占用 {size}；上限为 {bytes_max}。</translation>
    </message>
    <message>
        <source>First in line.</source>
        <translation>排在第一位。</translation>
    </message>
    <message>
        <source>It is expected to start in about {expected_about_s}.</source>
        <translation>预计约 {expected_about_s} 后启动。</translation>
    </message>
    <message>
        <source>A shell tells so that signal {of_signal} ended its program.</source>
        <translation>shell 用它表示程序被信号 {of_signal} 终止。</translation>
    </message>
    <message>
        <source>It did not end within {grace_s}, and was killed.</source>
        <translation>它在 {grace_s} 内没有结束，已被强制终止。</translation>
    </message>
    <message>
        <source>The machine&apos;s disk was full then.</source>
        <translation>当时机器的磁盘已满。</translation>
    </message>
    <message>
        <source>Its post command can&apos;t be executed ({post_command}: {post_why}; exit code {post_exit_code}).</source>
        <translation>它的后置命令无法执行（{post_command}：{post_why}；退出码 {post_exit_code}）。</translation>
    </message>
    <message>
        <source>Its post command can&apos;t be executed: {post_command}, or its interpreter, is not on the machine (exit code {post_exit_code}).</source>
        <translation>它的后置命令无法执行：机器上没有“{post_command}”或它的解释器（退出码 {post_exit_code}）。</translation>
    </message>
    <message>
        <source>Its post command was ended by signal {post_signal}.</source>
        <translation>它的后置命令被信号 {post_signal} 结束。</translation>
    </message>
    <message>
        <source>Its post command ended with exit code {post_exit_code}.</source>
        <translation>它的后置命令以退出码 {post_exit_code} 结束。</translation>
    </message>
    <message>
        <source>Its post command failed.</source>
        <translation>后置命令失败。</translation>
    </message>
    <message>
        <source>{left} of its processes could not be killed.</source>
        <translation>有 {left} 个进程无法终止。</translation>
    </message>
    <message>
        <source>Give it more time, or let it save its state and go on in another attempt.</source>
        <translation>请给它更多时间，或让它保存状态并在另一次尝试中继续。</translation>
    </message>
    <message>
        <source>Submit it anew once that run&apos;s work is done.</source>
        <translation>待那个运行的工作完成后，重新提交。</translation>
    </message>
    <message>
        <source>Look at what it printed and left; restart it if its work is not done.</source>
        <translation>请查看其日志和输出；若工作未完成，请重新启动。</translation>
    </message>
    <message>
        <source>Release it, and it waits its turn again.</source>
        <translation>放行后，它会重新排队。</translation>
    </message>
    <message>
        <source>Remove files of old runs or others; runs start again once there is room.</source>
        <translation>请删除旧运行的文件或其他文件；有空间后会重新启动运行。</translation>
    </message>
    <message>
        <source>Pair controllers again, and submit again what had not been started. Rules of retention, closed GPUs and pauses are gone: set them again.</source>
        <translation>请重新配对控制端，并重新提交尚未启动的运行。保留规则、已停用的 GPU 和暂停均已丢失，请重新设置。</translation>
    </message>
    <message>
        <source>Look at runs/{where} in the agent&apos;s home, and remove it if nobody needs it.</source>
        <translation>请查看代理主目录中的 runs/{where}，若无人需要则删除。</translation>
    </message>
    <message>
        <source>Look at the disk on which the runs are; it is tried again every few minutes.</source>
        <translation>请检查运行所在的磁盘；每隔几分钟会自动重试。</translation>
    </message>
    <message>
        <source>Others may run out of VRAM for it. Declare what it needs.</source>
        <translation>其他运行可能因此显存不足。请声明它需要的显存。</translation>
    </message>
    <message>
        <source>Submit it with as much VRAM as it needs.</source>
        <translation>请按它需要的显存重新提交。</translation>
    </message>
    <message>
        <source>Reset the GPU or restart the machine, and look at its power and seat. Release it once it is mended.</source>
        <translation>请重置 GPU 或重启机器，并检查其供电和插槽。修好后请放行。</translation>
    </message>
    <message>
        <source>Reset the GPU; if it happens again, have it replaced. Release it once it is mended.</source>
        <translation>请重置 GPU；如果再次发生，请更换。修好后请放行。</translation>
    </message>
    <message>
        <source>Restart the machine, so that the driver which is loaded is the one that is installed. It is used again as soon as it can be read.</source>
        <translation>请重启机器，使加载的驱动与已安装的驱动一致。能够读取后会自动重新使用。</translation>
    </message>
    <message>
        <source>It is used again as soon as it can be read.</source>
        <translation>一旦能够读取，它就会重新投入使用。</translation>
    </message>
    <message>
        <source>Look why they failed, and try the GPU by itself. Release it once it is mended.</source>
        <translation>请查明它们失败的原因，并单独试用这块 GPU。修好后请放行。</translation>
    </message>
    <message>
        <source>Release it once it is mended.</source>
        <translation>修好后请放行。</translation>
    </message>
    <message>
        <source>Look whether the driver lost it, or take it out of the rules.</source>
        <translation>请检查驱动程序是否丢失了它，或从规则中去掉它。</translation>
    </message>
    <message>
        <source>Make room on the machine&apos;s disk, and save the rules again.</source>
        <translation>请在机器磁盘上腾出空间，并再次保存规则。</translation>
    </message>
    <message>
        <source>Declare how much VRAM it needs, so that it can share a GPU.</source>
        <translation>请声明所需显存，这样就能共用 GPU。</translation>
    </message>
    <message>
        <source>Look at the end of its log.</source>
        <translation>请查看日志末尾。</translation>
    </message>
    <message>
        <source>Look at its log and outputs.</source>
        <translation>请查看其日志和输出。</translation>
    </message>
    <message>
        <source>to be started</source>
        <translation>启动</translation>
    </message>
    <message>
        <source>to succeed</source>
        <translation>成功</translation>
    </message>
    <message>
        <source>to end</source>
        <translation>结束</translation>
    </message>
    <message>
        <source>{machine} unreachable · last known: {state}</source>
        <translation>无法连接 {machine} · 最后已知状态：{state}</translation>
    </message>
    <message>
        <source>Building its environment</source>
        <translation>正在构建环境</translation>
    </message>
    <message>
        <source>no GPU</source>
        <translation>无 GPU</translation>
    </message>
    <message>
        <source>priority {number}</source>
        <translation>优先级 {number}</translation>
    </message>
    <message>
        <source>pinned: its files are kept</source>
        <translation>已固定：其文件会保留</translation>
    </message>
    <message>
        <source>tags: {tags}</source>
        <translation>标签：{tags}</translation>
    </message>
    <message>
        <source>unreachable, last seen {age} ago</source>
        <translation>无法连接，{age} 前有数据</translation>
    </message>
    <message>
        <source>No run starts on this machine now: it is paused.</source>
        <translation>此机器已暂停，现在不启动任何运行。</translation>
    </message>
    <message>
        <source>No run with the tag {tag} starts here now: it is paused.</source>
        <translation>标签 {tag} 已暂停，带有它的运行现在不在此启动。</translation>
    </message>
    <message>
        <source>Runs start here only at the owner&apos;s hours; the next begin in about {opens_about_s}.</source>
        <translation>此机器只在其所有者规定的时段启动运行；下一时段约 {opens_about_s} 后开始。</translation>
    </message>
    <message>
        <source>The GPUs draw {power_w} W; no run starts above {power_w_max} W.</source>
        <translation>GPU 总功耗为 {power_w} W；超过 {power_w_max} W 时不启动运行。</translation>
    </message>
    <message>
        <source>Runs of {name} hold {gpus} of the {gpus_max} GPUs that they may have here.</source>
        <translation>{name} 的运行已占用其在此最多可用的 {gpus_max} 块 GPU 中的 {gpus} 块。</translation>
    </message>
    <message>
        <source>A run of {name} ahead of it waits for the GPUs that they may have here.</source>
        <translation>{name} 的另一个排在前面的运行正在等待其可用的 GPU。</translation>
    </message>
    <message>
        <source>{gpus} GPUs have no run, but the machine&apos;s rules keep them.</source>
        <translation>有 {gpus} 块 GPU 没有运行，但按此机器的规则被保留。</translation>
    </message>
    <message>
        <source>GPU {gpu} takes no run until somebody releases it: {why}</source>
        <translation>GPU {gpu} 已停用，在有人恢复之前不接受运行：{why}</translation>
    </message>
    <message>
        <source>The machine&apos;s rules don&apos;t let runs use GPU {gpu}.</source>
        <translation>此机器的规则不允许运行使用 GPU {gpu}。</translation>
    </message>
    <message>
        <source>{runs} runs in a row failed on GPU {gpu}; it takes none for about {about_s}.</source>
        <translation>GPU {gpu} 上连续有 {runs} 个运行失败；约 {about_s} 内不接受运行。</translation>
    </message>
    <message>
        <source>GPU {gpu} was above {temperature_c_max} °C and has to cool down first.</source>
        <translation>GPU {gpu} 曾超过 {temperature_c_max} °C，须先降温。</translation>
    </message>
    <message>
        <source>Waits until others are gone from GPU {gpu}, who hold {foreign}.</source>
        <translation>等待其他进程离开 GPU {gpu}，它们占用 {foreign}。</translation>
    </message>
    <message>
        <source>Others have left GPU {gpu} a moment ago; it is watched a little longer.</source>
        <translation>其他进程刚刚离开 GPU {gpu}；还要再观察一会儿。</translation>
    </message>
    <message>
        <source>{gpus} GPUs match {where}, and it needs {needs_gpus}.</source>
        <translation>有 {gpus} 块 GPU 符合 {where}，而它需要 {needs_gpus} 块。</translation>
    </message>
    <message>
        <source>Needs {needs_gpus} MIG instances of {profile}; the machine has {gpus} now.</source>
        <translation>需要 {needs_gpus} 个 {profile} 的 MIG 实例；此机器现有 {gpus} 个。</translation>
    </message>
    <message>
        <source>Needs {needs_gpus} GPUs, which the machine&apos;s rules never let it have.</source>
        <translation>需要 {needs_gpus} 块 GPU，而此机器的规则不允许它得到这么多。</translation>
    </message>
    <message>
        <source>{free} CPU cores are not promised; needs {needs}.</source>
        <translation>还有 {free} 个 CPU 核心未分配；需要 {needs} 个。</translation>
    </message>
    <message>
        <source>{free} of the machine&apos;s memory is not promised; needs {needs}.</source>
        <translation>此机器还有 {free} 内存未分配；需要 {needs}。</translation>
    </message>
    <message>
        <source>{free} of the machine&apos;s disk is not promised; needs {needs}.</source>
        <translation>此机器还有 {free} 磁盘空间未分配；需要 {needs}。</translation>
    </message>
    <message>
        <source>There is room, but without a time limit it might delay a run that is ahead of it.</source>
        <translation>有空位，但它没有时间限制，可能会推迟排在前面的运行。</translation>
    </message>
    <message>
        <source>There is room, but it would not be over before a run ahead of it needs it.</source>
        <translation>有空位，但它无法在排在前面的运行需要之前结束。</translation>
    </message>
    <message>
        <source>Resume the machine&apos;s line, and it waits its turn again.</source>
        <translation>恢复此机器的队列，它就会继续排队。</translation>
    </message>
    <message>
        <source>Resume the tag, or take it off the run.</source>
        <translation>恢复该标签，或从运行上去掉它。</translation>
    </message>
    <message>
        <source>It starts once others of them have ended.</source>
        <translation>待其中其他运行结束后，它就会启动。</translation>
    </message>
    <message>
        <source>Release the GPU once it is well.</source>
        <translation>待该 GPU 恢复正常后将其恢复使用。</translation>
    </message>
    <message>
        <source>Let it share GPUs with others, if it can.</source>
        <translation>如果可以，让它与其他进程共用 GPU。</translation>
    </message>
    <message>
        <source>Ask for less, or ask the machine&apos;s owner.</source>
        <translation>减少请求，或询问此机器的所有者。</translation>
    </message>
    <message>
        <source>Give it a time limit: if it is over soon enough, it may start at once.</source>
        <translation>给它设定时间限制：若能及早结束，就可以立即启动。</translation>
    </message>
    <message>
        <source>The machine was shut down while it ran.</source>
        <translation>运行期间机器被关机。</translation>
    </message>
    <message>
        <source>How it ended was lost with the agent&apos;s records.</source>
        <translation>如何结束的已随代理的记录一并丢失。</translation>
    </message>
    <message>
        <source>How it ended is not known: its shim and its launcher were killed before they could record it, or the record was removed.</source>
        <translation>如何结束的不得而知：其监护进程和启动器在记录之前被终止，或记录已被删除。</translation>
    </message>
    <message>
        <source>How it ended is not known: its run directory can&apos;t be trusted: {flaw}.</source>
        <translation>如何结束的不得而知：它的运行目录不可信：{flaw}。</translation>
    </message>
    <message>
        <source>How it ended is not known: {flaw}.</source>
        <translation>如何结束的不得而知：{flaw}。</translation>
    </message>
    <message>
        <source>Its run directory can&apos;t be trusted: {flaw}.</source>
        <translation>它的运行目录不可信：{flaw}。</translation>
    </message>
    <message>
        <source>They can&apos;t be trusted: {flaw}.</source>
        <translation>这些文件不可信：{flaw}。</translation>
    </message>
    <message>
        <source>is empty</source>
        <translation>是空的</translation>
    </message>
    <message>
        <source>is not valid Unicode</source>
        <translation>不是有效的 Unicode</translation>
    </message>
    <message>
        <source>is no path of a machine</source>
        <translation>不是机器上的路径</translation>
    </message>
    <message>
        <source>holds a NUL character</source>
        <translation>含有空字符（NUL）</translation>
    </message>
    <message>
        <source>holds a backslash</source>
        <translation>含有反斜杠</translation>
    </message>
    <message>
        <source>holds an empty name: two slashes in a row, or one at the end</source>
        <translation>含有空名称：连续两个斜杠，或末尾有斜杠</translation>
    </message>
    <message>
        <source>holds a name longer than {flaw} bytes</source>
        <translation>含有超过 {flaw} 字节的名称</translation>
    </message>
    <message>
        <source>holds the name {flaw}</source>
        <translation>含有名称 {flaw}</translation>
    </message>
    <message>
        <source>is longer than {flaw} bytes</source>
        <translation>超过 {flaw} 字节</translation>
    </message>
    <message>
        <source>is deeper than {flaw} folders</source>
        <translation>超过 {flaw} 层文件夹</translation>
    </message>
    <message>
        <source>It is alive, and keeps what it holds until it is over.</source>
        <translation>它仍在运行，结束之前会一直占用其资源。</translation>
    </message>
    <message>
        <source>No process of it was found.</source>
        <translation>未找到它的进程。</translation>
    </message>
    <message>
        <source>The agent&apos;s records were damaged or gone, and were made anew from the directories of {runs} runs. At least {forgotten} runs are no longer known.</source>
        <translation>代理的记录已损坏或丢失，已根据 {runs} 个运行的目录重建。至少有 {forgotten} 个运行不再为系统所知。</translation>
    </message>
    <message>
        <source>Let it end, or stop it, and leave runs/{where} in the agent&apos;s home until then.</source>
        <translation>请等它结束或将其停止；在此之前保留代理主目录中的 runs/{where}。</translation>
    </message>
    <message>
        <source>Release {held} runs that would have been tried again.</source>
        <translation>请放行 {held} 个原本会重试的运行。</translation>
    </message>
    <message>
        <source>The damaged file is kept as {file} in the agent&apos;s home.</source>
        <translation>损坏的文件已保存为代理主目录中的 {file}。</translation>
    </message>
</context>
</TS>
