<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
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
    <name>LogPane</name>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>Nothing has been printed yet.</source>
        <translation>还没有任何输出内容。</translation>
    </message>
    <message>
        <source>… {0} more in this line</source>
        <translation>… 本行还有 {0}</translation>
    </message>
    <message>
        <source>— {0} before this aren&apos;t kept in the window —</source>
        <translation>— 窗口未保留此前的 {0} —</translation>
    </message>
    <message>
        <source>— {0} of the log are missing here —</source>
        <translation>— 此处缺失 {0} 日志 —</translation>
    </message>
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
        <source>Build</source>
        <translation>环境构建</translation>
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
        <source>It printed nothing.</source>
        <translation>没有打印任何内容。</translation>
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
        <source>Free. Nothing waits for it.</source>
        <translation>空闲，没有运行在等待。</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>另有 {count} 项</translation>
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
        <source>It has no lock, so its runs use the machine&apos;s own Python.</source>
        <translation>项目没有锁定文件，运行时使用机器自带的 Python。</translation>
    </message>
</context>
<context>
    <name>RunDetail</name>
    <message>
        <source>Run again…</source>
        <translation>再次运行…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
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
        <source>{machine} can&apos;t be reached; the run will be asked to stop as soon as it is back.</source>
        <translation>无法连接 {machine}；恢复连接后会立即要求停止该运行。</translation>
    </message>
    <message>
        <source>The run&apos;s id was copied.</source>
        <translation>已复制运行 ID。</translation>
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
    <name>RunListPane</name>
    <message>
        <source>Filter, or state:running,waiting</source>
        <translation>筛选，或 state:running,waiting</translation>
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
        <source>Command</source>
        <translation>命令</translation>
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
        <source>Variables</source>
        <translation>环境变量</translation>
    </message>
    <message>
        <source>Run id</source>
        <translation>运行 ID</translation>
    </message>
    <message>
        <source>This run did not succeed.</source>
        <translation>此运行未成功。</translation>
    </message>
    <message>
        <source>none asked for</source>
        <translation>未申请</translation>
    </message>
    <message>
        <source>{count} asked for</source>
        <translation>申请 {count} 块</translation>
    </message>
    <message>
        <source>{vram} each</source>
        <translation>每块 {vram}</translation>
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
        <source>Copy the run&apos;s id</source>
        <translation>复制运行 ID</translation>
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
        <source>Lost: {why}</source>
        <translation>丢失：{why}</translation>
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
        <source>Look at the end of its log; SIGKILL often means that memory ran out.</source>
        <translation>请查看日志末尾；SIGKILL 通常表示内存耗尽。</translation>
    </message>
    <message>
        <source>Look at its log and outputs.</source>
        <translation>请查看其日志和输出。</translation>
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
        <source>unreachable, last seen {age} ago</source>
        <translation>无法连接，{age} 前有数据</translation>
    </message>
</context>
</TS>
